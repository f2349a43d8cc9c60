"""The normal distribution, as far as intervals need it."""

from __future__ import annotations

Z95 = 1.959963984540054
"""Two-sided 95 % quantile of the standard normal."""
