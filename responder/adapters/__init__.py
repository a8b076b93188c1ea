"""Floor 3a: the world. Each module makes one port true with one vendor, and knows neither the engine nor the web."""
