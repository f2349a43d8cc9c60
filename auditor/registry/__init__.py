"""The record's home: the workspace, references to data, and the files of each audit.

`resolve` says which bytes a reference means; `folder`, `save`, `load` and `latest` keep the truth of an audit.
Here is no reading of rows, no judging and no rendering: a record comes and goes as bytes.
"""

from __future__ import annotations

from auditor.registry.audits import RECORD, folder, latest, load, save, stored
from auditor.registry.index import find
from auditor.registry.pedigrees import pedigree, whose
from auditor.registry.versions import Version, reread, resolve
from auditor.registry.workspace import Workspace

__all__ = [
    "RECORD",
    "Version",
    "Workspace",
    "find",
    "folder",
    "latest",
    "load",
    "pedigree",
    "reread",
    "resolve",
    "save",
    "stored",
    "whose",
]
