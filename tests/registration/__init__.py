"""Tests of `auditor.registration`."""
