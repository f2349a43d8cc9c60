"""How a scan runs. No check is known here."""
