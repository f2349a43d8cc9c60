"""What rooms share that look into texts: parts and customs of records, fields, labels, word lists; and texts against
real data: samples of both sides, embeddings asked for, features, clusters, classifiers and what they go by."""
