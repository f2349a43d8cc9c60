"""Tests of `examples/`, and of the wrappers for CI."""
