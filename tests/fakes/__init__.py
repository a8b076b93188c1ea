"""One fake for each port, held to the same conformance tests as the adapter it stands for."""
