"""What a port promises, tried on every adapter of it and on its fake."""
