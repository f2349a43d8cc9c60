"""What rooms over verdicts of judges share: verdicts that belong together, panels, biases, agreement."""
