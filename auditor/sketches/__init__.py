"""Mergeable summaries over arrays: deterministic samples. No strings, no checks."""
