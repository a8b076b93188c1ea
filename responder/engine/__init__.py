"""Floor 2. The vendor-free shell: takes events in, decides them with the core, commits, carries out the rest."""
