"""Numba over Arrow buffers: arrays in, arrays out, `nogil` and cached. No Arrow object, no check and no thread here."""
