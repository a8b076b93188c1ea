"""Where policies come from."""

from __future__ import annotations

from typing import Protocol

from responder.core.policy.book import PolicyBook


class PolicySource(Protocol):
    def load(self) -> PolicyBook:
        """The policies as they are now. Raises `PolicyFaults`, each with file and line, where they make no book."""
        ...
