"""Tests of `auditor.registry`."""
