"""Files and Python objects -> canonical rows."""

from auditor.readers.memory import open_records

__all__ = ["open_records"]
