"""The policy documents, one kind a module, and the book that holds them all and checks them against each other."""
