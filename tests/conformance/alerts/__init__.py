"""What an Alertmanager answers when it is asked: the real one, and the fake of the engine's tests."""
