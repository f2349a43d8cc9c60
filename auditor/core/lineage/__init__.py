"""Rules over lineage: what rooms share that read no rows, what was touched, what differs, by what rows are known."""
