"""Cards as a stranger's pull request brings them: paths that lead out, trees without end, secrets in addresses."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from auditor.cli import group
from auditor.model.errors import AuditorError
from auditor.registration import Request, register
from auditor.registry import Workspace, cards

CANARY = "c4n4ry-c4n4ry"


def run(*typed: str) -> Result:
    return CliRunner().invoke(group, typed, standalone_mode=False)


def code(done: Result) -> int:
    """As the command line would end."""
    if isinstance(done.exception, AuditorError):
        return done.exception.exit_code
    return done.exit_code or done.return_value or 0


def said(done: Result) -> str:
    """All that a person would see of it."""
    return done.output + done.stderr + (str(done.exception) if done.exception else "")


@pytest.fixture
def ws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    (tmp_path / "secret").write_text(f"{CANARY}:x:0:0\nand {CANARY}\n")
    root = tmp_path / "ws"
    (root / "data").mkdir(parents=True)
    (root / "auditor.yaml").touch()
    lines = [json.dumps({"prompt": f"What is {i} and {i}?", "response": f"It is {2 * i}."}) for i in range(20)]
    (root / "data" / "ok.jsonl").write_text("\n".join(lines) + "\n")
    (root / "data" / "link.jsonl").symlink_to(tmp_path / "secret")
    monkeypatch.chdir(root)
    workspace = Workspace(root)
    register(Request("ok", "data/ok.jsonl", kind="real", dvc=False), workspace)
    return workspace


def by_hand(workspace: Workspace, name: str, *, path: str = "data/ok.jsonl", top: str = "", lineage: str = "") -> Path:
    place = cards.path(name, workspace)
    digest = cards.load("ok", workspace).versions[0].digest
    place.write_text(
        f"name: {name}\nkind: synthetic\n{top}versions:\n- version: 1\n  date: '2026-01-02T03:04:05+00:00'\n"
        f"  path: {json.dumps(path)}\n  rows: 20\n  digest: {digest}\n" + (f"  lineage:\n{lineage}" if lineage else "")
    )
    return place


@pytest.mark.parametrize("path", ["../secret", "{tmp}/secret", "/proc/self/environ", "data/link.jsonl", "/dev/stdin"])
def test_a_path_out_of_the_workspace_is_not_read(path: str, ws: Workspace) -> None:
    place = by_hand(ws, "bad", path=path.replace("{tmp}", str(ws.root.parent)))
    for typed in (
        ("gate", "bad"),
        ("audit", "bad"),
        ("audit", "bad@1"),
        ("diff", "ok@1", "bad@1"),
        ("export", "bad", "--to", "croissant"),
    ):
        done = run(*typed)
        assert f"{place}:6: 'path': " in said(done), typed
        assert CANARY not in said(done)
        assert code(done) == 2
    for looks in (("stale",), ("lineage", "bad"), ("log", "bad"), ("impact", "bad@1")):
        assert code(run(*looks)) == 0


@pytest.mark.parametrize("key", ["real", "policy"])
@pytest.mark.parametrize("given", ["../secret.yaml", "/etc/../etc/passwd", "data/link.yaml"])
def test_what_it_is_compared_with_and_judged_by(key: str, given: str, ws: Workspace) -> None:
    (ws.root.parent / "secret.yaml").write_text(f"{CANARY}\n")
    (ws.root / "data" / "link.yaml").symlink_to(ws.root.parent / "secret.yaml")
    place = by_hand(ws, "bad", top=f"{key}: {given}\n")
    done = run("gate", "bad")
    assert code(done) == 2
    assert f"{place}:3: '{key}': it leads out of the workspace" in said(done)
    with place.open("a") as card:
        card.write("  verdict: {status: pass, policy: p, date: '2026-01-03T03:04:05+00:00', record: x,")
        card.write(" digests: {policy: a, real: b}}\n")
    looked = run("stale", "bad", "--json")
    assert code(looked) == 0
    assert (
        "it leads out of the workspace"
        in {one["source"]: one["why"] for one in json.loads(looked.stdout)["unknown"]}[key]
    )
    assert CANARY not in said(done) + said(looked)


@pytest.mark.parametrize("settings", ["policy: ../secret.yaml", "policy: own", "policy: linked"])
def test_policies_of_the_workspace_lead_out_of_it_no_more_than_cards(settings: str, ws: Workspace) -> None:
    (ws.root.parent / "secret.yaml").write_text(f"{CANARY}\n")
    folder = ws.root / "expectations" / "policies"
    folder.mkdir(parents=True)
    (folder / "own.yaml").write_text("extends: ../../../secret.yaml\n")
    if settings == "policy: linked":
        (folder / "linked.yaml").symlink_to(ws.root.parent / "secret.yaml")
    (ws.root / "auditor.yaml").write_text(f"{settings}\n")
    for typed in (("audit", "data/ok.jsonl"), ("gate", "ok"), ("compare", "data/ok.jsonl", "data/ok.jsonl")):
        done = run(*typed)
        assert code(done) == 2, typed
        assert "it leads out of the workspace" in said(done), typed
        assert CANARY not in said(done)
    assert code(run("stale")) == 0


@pytest.mark.parametrize(
    "link", ["auditor.yaml", "waivers.yaml", "models.lock.yaml", "datasets/bad.yaml", "models/bad.yaml"]
)
def test_a_file_of_the_workspace_that_is_a_link_out_of_it_is_not_quoted(link: str, ws: Workspace) -> None:
    (ws.root.parent / "secret.yaml").write_text(f"token: {CANARY}\n{CANARY}: 1\n")
    by_hand(ws, "good", lineage="    generators: [{model: 'm@1', follows: 'lock:m'}]\n")
    place = ws.root / link
    place.parent.mkdir(exist_ok=True)
    place.unlink(missing_ok=True)
    place.symlink_to(ws.root.parent / "secret.yaml")
    told = [run(*typed) for typed in (("gate", "ok"), ("stale", "--json"), ("lineage", "ok"))]
    assert any("it leads out of the workspace" in said(done) for done in told)
    assert CANARY not in "".join(map(said, told))


def test_real_data_is_looked_for_in_the_workspace_whatever_the_folder(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_hand(ws, "good", top="real: data/ok.jsonl\n")
    monkeypatch.chdir(ws.root / "data")
    done = run("gate", "good", "--format", "json")
    (record,) = json.loads(done.stdout)
    assert record["references"]["real"]["dataset"]["rows"] == 20


@pytest.mark.parametrize("follows", ["/proc", "/dev/zero", "pipe", "data"])
def test_weights_without_end_do_not_hold_up_a_look(follows: str, ws: Workspace) -> None:
    os.mkfifo(ws.root / "pipe")
    (ws.root / "data" / "proc").symlink_to("/proc")
    by_hand(ws, "bad", lineage=f"    generators: [{{model: m@1, follows: 'weights:{follows}'}}]\n")
    done = run("stale")
    assert code(done) == 0
    assert f"weights:{follows}: it " in done.output


def test_sources_and_prompts_out_of_the_workspace(ws: Workspace) -> None:
    os.mkfifo(ws.root / "pipe")
    digest = "sha256:" + hashlib.sha256((ws.root.parent / "secret").read_bytes()).hexdigest()
    by_hand(
        ws,
        "bad",
        lineage=f"""    prompts:
    - {{name: p, file: ../secret, digest: '{digest}'}}
    - {{name: q, file: pipe, digest: '{digest}'}}
    seeds:
    - {{file: ../secret, digest: '{digest}'}}
    - {{dataset: ../secret@1}}
    - {{file: data/link.jsonl}}
    - {{file: pipe}}
""",
    )
    done = run("stale", "--json")
    why = {one["source"]: one["why"] for one in json.loads(done.stdout)["unknown"]}
    assert why["prompt p"].startswith("it leads out of the workspace")
    assert why["prompt q"] == "it is neither a file nor a folder"
    assert why["../secret"].startswith("it leads out of the workspace")
    audited = run("gate", "bad", "--format", "json")
    assert audited.exception is None or not isinstance(audited.exception, AuditorError)
    assert CANARY not in said(done) + said(audited)


def test_a_declaration_names_data_of_the_workspace(ws: Workspace) -> None:
    (ws.root / "new.yaml").write_text("name: new\nkind: real\npath: ../secret\n")
    done = run("register", "--card", "new.yaml")
    assert str(done.exception).startswith("new.yaml:3: 'path': it leads out of the workspace")
    (ws.root / "new.yaml").write_text("name: new\nkind: real\npath: data/ok.jsonl\n")
    assert code(run("register", "--card", "new.yaml", "--no-dvc")) == 0


FORMATS = ("text", "json", "junit", "sarif", "markdown")

COMMANDS: tuple[tuple[str, ...], ...] = (
    ("stale",),
    ("stale", "--json"),
    *(("lineage", "bad", "--format", form) for form in ("text", "mermaid", "dot", "json", "openlineage", "html")),
    *(("impact", "m", "--format", form) for form in ("text", "json", "csv")),
    *(("log", "bad", "--format", form) for form in ("text", "json")),
    *(("export", "bad", "--to", target) for target in ("croissant", "hf-card", "in-toto", "openlineage")),
    *(("diff", "ok@1", "bad@1", "--format", form) for form in ("text", "markdown", "json")),
    ("gate", "bad", "--track", *(f"--output={form}=out/gate.{form}" for form in FORMATS)),
    ("gate", "bad", "--format", "github"),
    ("regenerate", "--all-stale", "--dry-run"),
    ("regenerate", "--all-stale", "--dry-run", "--json"),
    ("watch", "--once", "--json"),
    ("register", "bad", "data/ok.jsonl", "--no-dvc"),
    ("register", "bad", "data/new.jsonl", "--no-dvc", "--track", "--format", "json"),
    ("audit", "gone"),
    ("gate", "gone"),
    ("stale", "gone"),
)


def test_a_secret_written_onto_a_card_is_shown_nowhere(ws: Workspace) -> None:
    """In every place that takes an address; then looked for in all that is printed, and in every file."""
    address = f"https://me:{CANARY}@host/x.jsonl?sig={CANARY}&client_secret={CANARY}&key={CANARY}"
    (ws.root / "data" / "new.jsonl").write_text(
        (ws.root / "data" / "ok.jsonl").read_text() + '{"prompt": "a", "response": "b"}\n'
    )
    by_hand(
        ws,
        "bad",
        top="".join(f"{key}: 'see {address}'\n" for key in ("description", "owner", "purpose", "licence", "stage")),
        lineage=f"""    technique: self-instruct
    generators:
    - model: m@1
      follows: 'mlflow:{address}'
      provider: '{address}'
      decoding: {{api_key: {CANARY}, url: '{address}'}}
    - {{model: 'https://me:{CANARY}@host/model@2', follows: 'hub:{address}'}}
    - {{model: o@1, follows: 'weights:{address}'}}
    prompts: [{{name: '{address}', file: '{address}'}}]
    seeds: [{{file: '{address}'}}, {{file: 's3://{CANARY}:{CANARY}@bucket/x'}}]
    parents: [{{file: 'https://{CANARY}@host/y'}}]
    evals: [{{file: 'https://user:pa/{CANARY}@host/z'}}]
    judges: ['https://me:{CANARY}@host/judge@2']
    people: ['{address}']
    facts: {{endpoint: '{address}', hf_token: {CANARY}}}
""",
    )
    by_hand(ws, "gone", path=address)
    before: dict[Path, Any] = {path: path.read_bytes() for path in ws.root.rglob("*.yaml")}
    for typed in COMMANDS:
        done = run(*typed)
        assert CANARY not in said(done), typed
        assert done.exception is None or isinstance(done.exception, AuditorError | SystemExit), (typed, done.exception)
    files = [path for path in ws.root.rglob("*") if path.is_file() and not path.is_symlink() and path not in before]
    assert [path for path in files if CANARY.encode() in path.read_bytes()] == []
