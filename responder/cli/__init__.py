"""Floor 4. The command line: a terminal in front of the API, and the verbs that need no service."""
