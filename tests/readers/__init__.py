"""Tests of `auditor.readers`."""
