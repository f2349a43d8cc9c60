"""Tests of `auditor.engines`."""
