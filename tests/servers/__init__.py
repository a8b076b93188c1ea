"""Real servers that tests start for themselves, on loopback, and stop by their own process."""
