"""`auditor watch`: looks at what is stale, once or on a schedule."""

from __future__ import annotations

import os

import click

from auditor.cli import options
from auditor.cli.printing import printed


@click.command(
    epilog="""\b
Examples:
  auditor watch --once --on-change './tell-the-team.sh'
  auditor watch --every 1h --regenerate --max-rows 50000 --max-cost 20
  auditor watch --cron '0 6 * * *' --json
  AUDITOR_WEBHOOK_SECRET=… auditor watch --every 1d --listen 127.0.0.1:8080 --regenerate
"""
)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--once", is_flag=True, help="One look, for cron and CI.")
@click.option("--every", metavar="TIME", help="Stay, and look this often: 15m, 1h, 1d.")
@click.option("--cron", metavar="FIELDS", help="Stay, and look when these five fields say, in local time.")
@click.option("--jitter", type=click.IntRange(0, 3600), default=30, show_default=True, help="Seconds to vary it by.")
@click.option("--regenerate", is_flag=True, help="Make what is stale again, as `auditor regenerate` does.")
@click.option("--max-rows", type=click.IntRange(0), metavar="N", help="Rows that a look may make, at most.")
@click.option("--max-cost", type=click.FloatRange(0), metavar="AMOUNT", help="What a look may spend, at most.")
@click.option("--on-change", metavar="COMMAND", help="Run this, without a shell, when what is stale has changed.")
@click.option("--listen", metavar="HOST:PORT", help="Also look when MLflow's registry sends a webhook there.")
@click.option("--public", is_flag=True, help="Listen on an address that other machines can reach.")
@click.option("--fail", is_flag=True, help="With --once: exit code 1 where anything is stale.")
@click.option("--json", "json_", is_flag=True, help="With --once: for machines.")
@options.mlflow_uri
def watch(
    names: tuple[str, ...],
    once: bool,
    every: str | None,
    cron: str | None,
    jitter: int,
    regenerate: bool,
    max_rows: int | None,
    max_cost: float | None,
    on_change: str | None,
    listen: str | None,
    public: bool,
    fail: bool,
    json_: bool,
    mlflow_uri: str | None,
) -> int:
    """Look at what is stale, once or again and again.

    The command of --on-change gets what is stale as JSON on its standard input; where it fails, it is
    called again at the next look. Webhooks are believed only with the signature of
    AUDITOR_WEBHOOK_SECRET, the secret that the webhook has in MLflow, and do no more than wake it.
    """
    if sum((once, every is not None, cron is not None)) != 1:
        raise click.UsageError("give one of --once, --every TIME and --cron FIELDS")
    if not once and (fail or json_):
        raise click.UsageError("--fail and --json go with --once")
    if once and (listen or public):
        raise click.UsageError("--listen and --public need --every or --cron")
    if not regenerate and (max_rows is not None or max_cost is not None):
        raise click.UsageError("--max-rows and --max-cost go with --regenerate")
    import logging

    from auditor.core.secrets import WEBHOOK_SECRET
    from auditor.regeneration import receiver, telling
    from auditor.regeneration import watch as watching
    from auditor.registry.workspace import Workspace

    asked = None
    if regenerate:
        from auditor.regeneration.asked import Asked
        from auditor.regeneration.plan import Limits

        asked = Asked(names, Limits(max_rows, max_cost), uri=mlflow_uri)
    orders = watching.Orders(names, asked, watching.command(on_change) if on_change else (), mlflow_uri)
    workspace = Workspace.find()
    logging.getLogger("auditor").setLevel(logging.INFO)
    if once:
        seen = watching.once(orders, workspace)
        if json_:
            printed(telling.as_json(seen.said))
        else:
            printed(telling.stale_text(seen.stale, seen.looked_at))
        stale = fail and any(told.reasons or told.verdict for told in seen.stale)
        return 2 if seen.told is False else seen.exit_code or int(stale)
    address = receiver.address(listen, public=public) if listen else None
    secret = receiver.secret(os.environ.get(WEBHOOK_SECRET)) if listen else ""
    trigger = watching.every(every, jitter) if every else watching.cron(cron or "", jitter)
    logger = logging.getLogger("auditor")
    stderr = logging.StreamHandler()
    file = watching.logging_to(workspace)
    stderr.setFormatter(file.formatter)
    for handler in (stderr, file):
        logger.addHandler(handler)
    try:
        watching.resident(orders, workspace, trigger, listen=address, secret=secret)
    finally:
        for handler in (stderr, file):
            logger.removeHandler(handler)
            handler.close()
    return 0
