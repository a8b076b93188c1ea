"""Every invariant catches the mistake that it is there for, and the real machines make none of them."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from responder.core.invariants import Code
from tests.core.interleaving import Act, live, lives
from tests.core.mutants import MUTANTS, Mutant
from tests.core.searching import SEARCH_LIVES
from tests.core.world import Broken, Found

UNTIL_FOUND = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=600,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize(
    "mutant", MUTANTS, ids=[f"{each.found_by.value}: {each.mistake}" for each in MUTANTS]
)
def test_a_mistake_is_found(mutant: Mutant) -> None:
    machines = mutant.machines()

    @UNTIL_FOUND
    @given(lives)
    def search(life: list[Act]) -> None:
        with suppress(AssertionError):  # the mutant led the world itself astray, which is another finding
            live(life, machines, mutant.found_by)

    with pytest.raises(Found):
        search()


def test_every_invariant_has_a_mistake_that_it_finds() -> None:
    assert {mutant.found_by for mutant in MUTANTS} == set(Code)


@SEARCH_LIVES
@given(lives)
def test_the_real_machines_break_none_of_them(life: list[Act]) -> None:
    live(life)


def test_a_broken_invariant_names_the_record_and_what_led_to_it() -> None:
    mutant = next(each for each in MUTANTS if each.found_by is Code.REVISION_FELL)
    with pytest.raises(Broken, match=r"revision-fell: incident/I1 \(\d+ to -1\)\nafter\n"):
        live([("note", 0, 0)], mutant.machines())
