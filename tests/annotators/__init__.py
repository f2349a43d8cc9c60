"""Tests of `auditor.annotators`."""
