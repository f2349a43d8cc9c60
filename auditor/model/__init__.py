"""Pure data: rows, results, errors. No input, no output, no judgement."""
