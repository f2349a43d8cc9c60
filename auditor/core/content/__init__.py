"""What rooms share that measure texts against real data: embeddings asked for, features, word lists, clusters."""
