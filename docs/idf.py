"""Fit the inverse document frequencies of the weight-free embedder: python docs/idf.py

Documents are the docstrings of the running Python's standard library and the paragraphs of its help
topics: human-written English that is on every machine. The table is shipped; running this again is needed
only when the grams change, and makes a new revision of the embedder.
"""

from __future__ import annotations

import ast
import sysconfig
import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa

from auditor.kernels.grams import document_frequency
from auditor.kernels.texts import spans
from auditor.model.rows import strings
from auditor.statistics.general import TABLE

BUCKETS = 1 << 16
SKIPPED = {"site-packages", "test", "tests", "idlelib", "lib2to3"}


def documents() -> list[str]:
    """Docstrings and paragraphs, in the order of their files."""
    import pydoc_data.topics

    library = Path(sysconfig.get_path("stdlib"))
    found = []
    for path in sorted(library.rglob("*.py")):
        if SKIPPED & set(path.relative_to(library).parts):
            continue
        try:
            with warnings.catch_warnings(action="ignore"):
                tree = ast.parse(path.read_text("utf-8"))
        except (SyntaxError, UnicodeDecodeError):
            continue
        nodes = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
        found += [doc for node in ast.walk(tree) if isinstance(node, nodes) and (doc := ast.get_docstring(node))]
    topics = pydoc_data.topics.topics
    found += [part for name in sorted(topics) for part in topics[name].split("\n\n") if len(part) > 80]
    return found


def main() -> None:
    """Write the table: idf = 1 + ln((1 + n) / (1 + df)), in sixteenths (scikit-learn's smooth idf)."""
    texts = documents()
    column = strings(pa.array(texts, pa.large_string()))
    frequency = document_frequency(spans(column.offsets, column.data, fold=True), BUCKETS)
    idf = 1 + np.log((1 + len(texts)) / (1 + frequency))
    np.save(TABLE, np.round(idf * 16).astype(np.uint8))
    print(f"{TABLE}: {len(texts):,} documents, {np.count_nonzero(frequency):,} of {BUCKETS:,} buckets seen")


if __name__ == "__main__":
    main()
