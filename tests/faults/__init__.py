"""The fault harness: every point where the engine calls the world, what can strike there, and what comes of it."""
