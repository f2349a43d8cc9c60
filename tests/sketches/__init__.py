"""Tests of `auditor.sketches`."""
