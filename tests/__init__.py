"""The tests of responder: read CONTRIBUTING.md first."""
