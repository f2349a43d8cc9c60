"""The work of judges as events: their verdicts on a dataset, and verdicts that became a dataset."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from openlineage.client.generated.base import DatasetFacet, InputDataset, OutputDataset
from openlineage.client.generated.dataset_type_dataset import DatasetTypeDatasetFacet
from openlineage.client.generated.dataset_version_dataset import DatasetVersionDatasetFacet
from openlineage.client.generated.input_statistics_input_dataset import InputStatisticsInputDatasetFacet
from openlineage.client.generated.output_statistics_output_dataset import OutputStatisticsOutputDatasetFacet

from auditor.model.card import Card, Model, Registered
from auditor.model.graph import Graph
from auditor.trackers.facets import JudgingDatasetFacet
from auditor.trackers.judgings import Judging
from auditor.trackers.openlineage import facts
from auditor.trackers.openlineage.datasets import columns, described, model_input, source_input
from auditor.trackers.openlineage.runs import complete, default_namespace
from auditor.trackers.transport import Event


def judging_event(
    judging: Judging, card: Card | None, version: Registered | None, *, namespace: str | None = None
) -> Event:
    """Judges over a dataset: it and their models are inputs, the file of their verdicts is the output.

    card, version: None for data nobody registered.
    """
    space = namespace or default_namespace()
    facets: dict[str, DatasetFacet] = (
        described(card, version, judging.fields)
        if card and version
        else {
            "version": DatasetVersionDatasetFacet(judging.digest),
            **columns(judging.fields),
        }
    )
    judged = InputDataset(
        space,
        card.name if card else judging.name,
        facets=facets,
        inputFacets={"inputStatistics": InputStatisticsInputDatasetFacet(rowCount=judging.rows)},
    )
    panel = judging.panel or {}
    made = OutputDataset(
        "file",
        judging.file,
        facets={
            "version": DatasetVersionDatasetFacet(judging.verdicts),
            "datasetType": DatasetTypeDatasetFacet("FILE", subType="VERDICTS"),
            "auditor_judging": JudgingDatasetFacet(
                judges=[facts.asked(one) for one in judging.judges],
                rule=judging.rule,
                vote=panel.get("vote"),
                weights=panel.get("weights"),
                verdicts=dict(sorted(judging.counts.items())),
                selfJudged=judging.self_judged,
            ),
        },
        outputFacets={"outputStatistics": OutputStatisticsOutputDatasetFacet(rowCount=sum(judging.counts.values()))},
    )
    models = dict.fromkeys(Model.parse(one.model) for one in judging.judges)
    return complete(
        "judging", card.name if card else judging.name, space, judging.started, judging.ended, [judging.identity],
        inputs=[judged, *(model_input(model, space) for model in models)], outputs=[made],
    )  # fmt: skip


def accepting_event(
    card: Card, version: Registered, graph: Graph, files: Iterable[tuple[str, str]], *,
    fields: Mapping[str, str] | None = None, namespace: str | None = None,
) -> Event:  # fmt: skip
    """Verdicts that became a dataset (`judge accept`): they, the judges and the judged data are inputs, the version the
    output. files: (name, digest) of the verdicts'. graph, fields: as in `registration_event`."""
    space, lineage = namespace or default_namespace(), version.lineage
    given = list(files)
    verdicts = [
        InputDataset(
            "file",
            name,
            facets={
                "version": DatasetVersionDatasetFacet(digest),
                "datasetType": DatasetTypeDatasetFacet("FILE", subType="VERDICTS"),
            },
        )
        for name, digest in given
    ]
    told: Mapping[str, Any] = lineage.facts
    facet = JudgingDatasetFacet(
        judges=[{"name": str(model), **facts.model(model)} for model in lineage.judges],
        rule=str(told.get("rule", "strict")),
        vote=told.get("vote"),
    )
    made = OutputDataset(
        space,
        card.name,
        facets={**described(card, version, fields), "auditor_judging": facet},
        outputFacets={"outputStatistics": OutputStatisticsOutputDatasetFacet(rowCount=version.rows)},
    )
    when = version.date.isoformat()
    return complete(
        "curation", card.name, space, when, when, [card.ref(version), version.digest, *(digest for _, digest in given)],
        inputs=[
            *verdicts,
            *(source_input(data, space, graph) for _, data in lineage.sources()),
            *(model_input(model, space) for model in dict.fromkeys(lineage.judges)),
        ],
        outputs=[made],
    )  # fmt: skip
