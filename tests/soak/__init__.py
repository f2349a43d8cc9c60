"""Campaigns: the long form of tests whose short form runs in the suite. `make soak` runs them whole."""
