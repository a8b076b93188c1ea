"""Floor 1. What the engine asks of the world, one world a module, as Protocols."""
