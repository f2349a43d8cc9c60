"""Tests of `auditor.core`."""
