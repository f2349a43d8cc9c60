"""Tests of `auditor.trackers`."""
