"""Fifty processes that register at once: `python crowd.py FOLDER [dvc]`. Exit code 1 where one failed."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pandas as pd  # noqa: F401  what reading loads: once, and not once a child
import pyarrow.compute  # noqa: F401

from auditor.model.card import Lineage
from auditor.registration import Request, register
from auditor.registry import Workspace


def one(root: Path, number: int, start: float, dvc: bool) -> None:
    if number < 20:
        name, tag = "shared", f"shared {number}"
    elif number < 30:
        name, tag = "same", "same"
    else:
        name = tag = f"own{number - 30}"
    file = root / "data" / f"{tag.replace(' ', '')}.jsonl"
    time.sleep(max(0.0, start - time.time()))
    register(Request(name, str(file), Lineage("human", people=("Ada",)), dvc=dvc, threads=1), Workspace(root))


def main(root: Path, dvc: bool) -> int:
    (root / "data").mkdir()
    for tag in (*(f"shared {n}" for n in range(20)), "same", *(f"own{n}" for n in range(20))):
        rows = "".join(json.dumps({"prompt": f"{tag} {i}", "response": "x"}) + "\n" for i in range(3))
        (root / "data" / f"{tag.replace(' ', '')}.jsonl").write_text(rows)
    start = time.time() + 2
    children = []
    for number in range(50):
        child = os.fork()  # before any thread was started here
        if child == 0:
            code = 1
            try:
                one(root, number, start, dvc)
                code = 0
            except Exception as error:  # noqa: BLE001  told, and the exit code says it
                print(number, repr(error), file=sys.stderr)
            finally:
                os._exit(code)
        children.append(child)
    return int(any(os.waitpid(child, 0)[1] for child in children))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), "dvc" in sys.argv[2:]))
