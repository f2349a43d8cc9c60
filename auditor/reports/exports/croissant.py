"""A version as Croissant 1.1 JSON-LD, with its provenance (PROV-O) and what responsible AI asks (RAI 1.0).

http://mlcommons.org/croissant/1.1 and http://mlcommons.org/croissant/RAI/1.0. Only what is recorded is said.
"""

from __future__ import annotations

import json
import re
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from auditor.model.card import URN, Generator, Prompt, Source
from auditor.model.errors import ConfigError
from auditor.model.result import Status
from auditor.reports.exports.subject import Subject, told

_SPECIFICATIONS = ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"]
_PLAIN = (
    "annotation arrayShape citeAs column containedIn equivalentProperty excludes extract field fileProperty "
    "fileObject fileSet format includes isArray isLiveDataset jsonPath key md5 parentField path readLines recordSet "
    "references regex repeated replace sdVersion separator source subField transform unArchive value"
)
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "prov": "http://www.w3.org/ns/prov#",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "samplingRate": "cr:samplingRate",
    **{term: f"cr:{term}" for term in _PLAIN.split()},
}

_MEDIA = {
    ".jsonl": "application/jsonlines",
    ".ndjson": "application/jsonlines",
    ".json": "application/json",
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".parquet": "application/x-parquet",
}
_PACKED = {
    ".gz": "application/gzip",
    ".zst": "application/zstd",
    ".bz2": "application/x-bzip2",
    ".xz": "application/x-xz",
}
_TYPES = {"text": "sc:Text", "integer": "sc:Integer", "float": "sc:Float", "boolean": "sc:Boolean"}
_SPDX = re.compile(r"[A-Za-z0-9.+-]+")


def document(subject: Subject) -> str:
    """The description as JSON, ending in a line feed; links to the file are relative to the workspace.

    Raises ConfigError for a version that DVC does not track: Croissant asks for a hash of the file.
    """
    card, version = subject.card, subject.version
    about: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "@id": _urn(subject.ref),
        "name": card.name,
        "description": subject.description,
        "conformsTo": _SPECIFICATIONS,
        "identifier": [subject.ref, version.digest],
        # Croissant asks for semantic versions, and another version of ours may hold any other rows.
        "version": f"{version.version}.0.0",
        "dateCreated": version.date.isoformat(),
        "keywords": [word for word in (card.kind, version.lineage.technique) if word],
        "isLiveDataset": False,
    }
    if card.licence:
        about["license"] = (
            f"https://spdx.org/licenses/{card.licence}" if _SPDX.fullmatch(card.licence) else card.licence
        )
    if card.owner:
        about["prov:wasAttributedTo"] = {"@type": "prov:Agent", "prov:label": card.owner}
    about |= _provenance(subject) | _responsible(subject)
    about["distribution"] = [_file(subject)]
    if records := _records(subject):
        about["recordSet"] = [records]
    return json.dumps(about, indent=2) + "\n"


def _urn(ref: str) -> str:
    return URN + quote(ref, safe="@")


def _provenance(subject: Subject) -> dict[str, Any]:
    version, lineage = subject.version, subject.version.lineage
    found: dict[str, Any] = {}
    derived = [_entity(role, source) for role, source in lineage.sources()]
    if version.supersedes is not None:
        found["dct:replaces"] = {"@id": _urn(f"{subject.card.name}@{version.supersedes}")}
    if derived:
        found["prov:wasDerivedFrom"] = derived
    agents = [_agent(generator) for generator in lineage.generators]
    agents += [{"@type": "prov:Person", "prov:label": person} for person in lineage.people]
    activity: dict[str, Any] = {"@type": "prov:Activity", "prov:label": lineage.technique or "not recorded"}
    if agents:
        activity["prov:wasAssociatedWith"] = agents
    if lineage.prompts:
        activity["prov:used"] = [_prompt(prompt) for prompt in lineage.prompts]
    if agents or lineage.prompts or lineage.technique:
        found["prov:wasGeneratedBy"] = activity
    return found


def _entity(role: str, source: Source) -> dict[str, Any]:
    found: dict[str, Any] = {"@type": "prov:Entity", "prov:label": str(source), "additionalType": role}
    if source.dataset:
        found["@id"] = _urn(source.dataset)
    if source.digest:
        found["identifier"] = source.digest
    return found


def _agent(generator: Generator) -> dict[str, Any]:
    """The model as it was run: decoding parameters and the rest as property values."""
    found: dict[str, Any] = {"@type": "prov:SoftwareAgent", "prov:label": str(generator.model)}
    facts: dict[str, Any] = {"provider": generator.provider, **generator.decoding}
    facts |= {"system prompt": generator.system_prompt, "rows": generator.rows}
    said = [{"@type": "sc:PropertyValue", "name": k, "value": v} for k, v in facts.items() if v is not None]
    return found | ({"additionalProperty": said} if said else {})


def _prompt(prompt: Prompt) -> dict[str, Any]:
    label = f"prompt {prompt.name}" + (f"@{prompt.version}" if prompt.version else "")
    return {"@type": ["prov:Entity", "prov:Plan"], "prov:label": label, "identifier": prompt.digest}


def _responsible(subject: Subject) -> dict[str, Any]:
    card, lineage = subject.card, subject.version.lineage
    found: dict[str, Any] = {"rai:dataCollection": subject.method or None}
    if card.kind == "synthetic":
        found["rai:dataCollectionType"] = "Others"
    elif lineage.technique == "human":
        found["rai:dataCollectionType"] = "Manual Human Curator"
    found["rai:dataCollectionRawData"] = ", ".join(f"{role} {source}" for role, source in lineage.sources()) or None
    found["rai:machineAnnotationTools"] = [str(judge) for judge in lineage.judges]
    found["rai:dataAnnotationProtocol"] = [f"by {person}" for person in lineage.people]
    found["rai:dataUseCases"] = card.purpose
    if subject.record is not None:
        at_fault = subject.judged(Status.FAIL, Status.WARN, Status.ERROR)
        found["rai:dataLimitations"] = [told(verdict, subject.record) for verdict in at_fault]
    plan = []
    if card.refresh.expires:
        plan.append(f"expires on {card.refresh.expires.isoformat()}")
    if card.refresh.every:
        plan.append(f"made again every {card.refresh.every} days")
    found["rai:dataReleaseMaintenancePlan"] = "; ".join(plan) or None
    return {key: value for key, value in found.items() if value}


def _file(subject: Subject) -> dict[str, Any]:
    version = subject.version
    if version.dvc is None:
        raise ConfigError(
            f"{subject.ref} is not tracked by DVC: Croissant asks for a hash of the file",
            hint=f"register it again: auditor register {subject.card.name} {version.path}",
        )
    media = _media(version.path)
    if version.dvc.files is not None:
        return {
            "@type": "cr:FileSet",
            "@id": "data",
            "name": "data",
            "includes": f"{version.path}/**",
            "encodingFormat": media,
        }
    return {
        "@type": "cr:FileObject",
        "@id": "data",
        "name": PurePosixPath(version.path).name,
        "contentUrl": version.path,
        "contentSize": f"{version.dvc.size} B",
        "encodingFormat": media,
        "md5": version.dvc.md5,
    }


def _media(path: str) -> str:
    suffixes = PurePosixPath(path.lower()).suffixes
    return _PACKED.get(suffixes[-1] if suffixes else "") or _MEDIA.get(
        suffixes[-1] if suffixes else "", "application/octet-stream"
    )


def _records(subject: Subject) -> dict[str, Any] | None:
    """The fields of the file that one cell holds; nested ones have no type of their own here."""
    columns = {name: _TYPES[kind] for name, kind in subject.columns.items() if kind in _TYPES}
    if not columns or (subject.version.dvc and subject.version.dvc.files is not None):
        return None
    by_path = _media(subject.version.path) == "application/json"
    fields = [
        {
            "@type": "cr:Field",
            "@id": f"rows/{name}",
            "name": name,
            "dataType": kind,
            "source": {
                "fileObject": {"@id": "data"},
                "extract": {"jsonPath": f"$[*]['{name}']"} if by_path else {"column": name},
            },
        }
        for name, kind in columns.items()
        if "'" not in name and "\\" not in name
    ]
    nested = [name for name, kind in subject.columns.items() if kind not in _TYPES]
    return {
        "@type": "cr:RecordSet",
        "@id": "rows",
        "name": "rows",
        "description": f"Not described, because nested: {', '.join(nested)}." if nested else "One record a row.",
        "field": fields,
    }
