"""Side by side: stories that wait for real time run all at once, and each is still a test of its own.

`stories = Stories()` in a module, `@stories.tell` above each story, and a module fixture `told` that returns
`stories.run(request, folder)`. Only what was selected runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest

from tests.journeys.kills import STARTS

T = TypeVar("T")

Start = asyncio.Semaphore
Story = Callable[[Path, Start], Awaitable[None]]
Ended = Mapping[str, BaseException | None]


class Stories:
    def __init__(self) -> None:
        self._stories: dict[str, Story] = {}

    def tell(self, story: Story) -> Callable[[Ended], None]:
        """The test that `story` becomes; it fails as the story did."""
        name = story.__name__
        self._stories[name] = story

        def test(told: Ended) -> None:
            if (wrong := told[name]) is not None:
                raise wrong

        test.__name__, test.__doc__, test.__module__ = name, story.__doc__, story.__module__
        return test

    def run(self, request: pytest.FixtureRequest, folder: Path) -> Ended:
        """Every story whose test was selected; how each ended, None = well."""
        module = request.node.nodeid
        wanted = {item.nodeid for item in request.session.items}
        return all_at_once(
            {
                name: partial(story, folder / name)
                for name, story in self._stories.items()
                if f"{module}::{name}" in wanted
            }
        )


def all_at_once(
    stories: Mapping[str, Callable[[Start], Awaitable[T]]],
) -> dict[str, T | BaseException]:
    """What each story came to, or what it raised. They share one `Start`, so that not all processes start at once."""

    async def run() -> list[T | BaseException]:
        start = Start(STARTS)
        return await asyncio.gather(*(story(start) for story in stories.values()), return_exceptions=True)

    return dict(zip(stories, asyncio.run(run()), strict=True))
