"""The gate: audit registered datasets, write each verdict on its card, and say what CI should hear."""
