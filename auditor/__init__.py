"""Audit synthetic training data before you train on it."""

__version__ = "0.1.0"
