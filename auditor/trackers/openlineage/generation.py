"""A registered version as an event: from seeds, parents and models to the dataset."""

from __future__ import annotations

from collections.abc import Mapping

from openlineage.client.generated.base import OutputDataset
from openlineage.client.generated.lifecycle_state_change_dataset import (
    LifecycleStateChange,
    LifecycleStateChangeDatasetFacet,
)
from openlineage.client.generated.output_statistics_output_dataset import OutputStatisticsOutputDatasetFacet

from auditor.model.card import Card, Registered
from auditor.model.graph import Graph
from auditor.trackers.facets import SynthesisDatasetFacet
from auditor.trackers.openlineage import facts
from auditor.trackers.openlineage.datasets import described, model_input, source_input
from auditor.trackers.openlineage.runs import complete, default_namespace
from auditor.trackers.transport import Event


def registration_event(
    card: Card,
    version: Registered,
    graph: Graph,
    *,
    fields: Mapping[str, str] | None = None,
    namespace: str | None = None,
) -> Event:
    """The generation of a version: from seeds, parents and models (inputs) to the dataset (output).

    graph: says of what kind and how large the sources are. fields: of the records, name -> type, as
    `Dataset.schema`. namespace: of our datasets and jobs; None is OPENLINEAGE_NAMESPACE, else "auditor".
    """

    space = namespace or default_namespace()
    lineage = version.lineage
    made = OutputDataset(
        space,
        card.name,
        facets={
            **described(card, version, fields),
            "lifecycleStateChange": LifecycleStateChangeDatasetFacet(
                LifecycleStateChange.OVERWRITE if version.supersedes else LifecycleStateChange.CREATE
            ),
            "auditor_synthesis": SynthesisDatasetFacet(
                kind=card.kind,
                digest=version.digest,
                generators=[facts.generator(generator) for generator in lineage.generators],
                prompts=[facts.prompt(prompt) for prompt in lineage.prompts],
                seeds=[facts.source(source) for source in lineage.seeds],
                parents=[facts.source(source) for source in lineage.parents],
                judges=[facts.model(model) for model in lineage.judges],
                fields=dict(lineage.fields),
                technique=lineage.technique,
                licence=card.licence,
            ),
        },
        outputFacets={
            "outputStatistics": OutputStatisticsOutputDatasetFacet(
                rowCount=version.rows,
                size=version.dvc.size if version.dvc else None,
                fileCount=version.dvc.files if version.dvc else None,
            )
        },
    )
    inputs = [source_input(source, space, graph) for _, source in lineage.sources()]
    inputs += [model_input(model, space) for model in dict.fromkeys(g.model for g in lineage.generators)]
    when = version.date.isoformat()
    return complete(
        "generation", card.name, space, when, when, [card.ref(version), version.digest, facts.said(lineage)],
        inputs=inputs, outputs=[made],
    )  # fmt: skip
