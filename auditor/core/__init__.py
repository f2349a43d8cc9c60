"""What all rooms share: the contract of a check, measuring, laws, states, policies, verdicts. No formats, no rooms."""
