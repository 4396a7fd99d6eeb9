"""The table of states: every change it has is legal, every other raises."""

from __future__ import annotations

import itertools
from typing import get_args

import pytest

from monolith_core.errors import IllegalTransition
from monolith_core.events import State
from monolith_core.states import NEXT, move

STATES = get_args(State)
LEGAL = {(old, new) for old, following in NEXT.items() for new in following}
ALL = set(itertools.product((None, *STATES), STATES))


def test_every_state_has_a_row():
    assert set(NEXT) == {None, *STATES}


@pytest.mark.parametrize(("old", "new"), sorted(LEGAL, key=str))
def test_legal(old, new):
    assert move(old, new) == new


@pytest.mark.parametrize(("old", "new"), sorted(ALL - LEGAL, key=str))
def test_illegal(old, new):
    with pytest.raises(IllegalTransition, match=f"cannot become {new}; this is a bug in monolith"):
        move(old, new)


def test_what_cannot_be():
    impossible = ALL - LEGAL
    assert impossible == {(None, "held")}


def test_every_state_can_become_done_again():
    assert all("done" in following for following in NEXT.values())
