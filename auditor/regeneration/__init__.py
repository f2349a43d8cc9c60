"""What is stale, in what order it is made again, and by which command: a plan, then `dvc repro`."""
