"""Floor 3b. The HTTP faces: webhooks, API, health. They read requests, ask the engine, and word its answers."""
