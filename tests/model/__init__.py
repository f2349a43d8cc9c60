"""Tests of `auditor.model`."""
