"""The store's promises, kept alike by SQLite and by the fake in memory."""
