"""Registering a version: read, hash, version with DVC, write the card, tell the trackers."""
