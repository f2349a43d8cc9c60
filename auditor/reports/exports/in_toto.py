"""An in-toto statement that says how a version fared: unsigned, for `cosign attest-blob` or another signer.

https://github.com/in-toto/attestation/blob/main/spec/predicates/test-result.md (v0.1)
"""

from __future__ import annotations

import json
from typing import Any

from auditor.model.errors import ConfigError
from auditor.model.result import Status
from auditor.reports.exports.subject import Subject, named

_RESULTS = {"pass": "PASSED", "warn": "WARNED", "fail": "FAILED", "error": "FAILED"}


def statement(subject: Subject) -> str:
    """The statement as JSON, ending in a line feed.

    Its subject is the digest of the canonical rows, which holds in any order and format, and beside it the
    file as DVC knows it. A check that ended in an error is a failed test; one that was skipped is not named.
    Raises ConfigError for a version that was not judged: an audit of some of the checks is no result.
    """
    verdict, record, version = subject.verdict, subject.record, subject.version
    if verdict not in _RESULTS:
        audited = f"of {subject.partial}" if subject.partial else "none"
        raise ConfigError(
            f"{subject.ref} was not judged: there is no result to state",
            seen=f"verdict {verdict}" if verdict else f"no verdict on its card; stored audit of its rows: {audited}",
            hint=f"auditor gate {subject.card.name}",
        )
    tests = record if record is not None and record.whole else None  # a partial audit's are not those of the result
    digest, policy = (tests.policy.get("digest"), tests.policy.get("name")) if tests else (None, None)
    if version.verdict is not None:
        digest, policy = version.verdict.digests.get("policy", digest), version.verdict.policy
    algorithm, _, value = version.digest.rpartition(":")
    subjects: list[dict[str, Any]] = [
        {
            "name": subject.ref,
            "digest": {algorithm or "sha256": value},
            "annotations": {"digestOf": "canonical rows, sorted", "rows": version.rows},
        }
    ]
    if version.dvc is not None and version.dvc.files is None:
        subjects.append({"name": version.path, "digest": {"md5": version.dvc.md5}})
    predicate: dict[str, Any] = {
        "result": _RESULTS[verdict],
        "configuration": [
            {"name": policy or "policy", **({"digest": {"sha256": digest.rpartition(":")[2]}} if digest else {})}
        ],
    }
    if tests is not None:
        for key, statuses in (
            ("passedTests", (Status.PASS,)),
            ("warnedTests", (Status.WARN,)),
            ("failedTests", (Status.FAIL, Status.ERROR)),
        ):
            predicate[key] = [named(one) for one in subject.judged(*statuses)]
    about = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subjects,
        "predicateType": "https://in-toto.io/attestation/test-result/v0.1",
        "predicate": predicate,
    }
    return json.dumps(about, indent=2) + "\n"
