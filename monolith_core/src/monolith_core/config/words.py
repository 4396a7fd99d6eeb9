"""Wording of faults: lists, guesses and values as messages show them."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_LONGEST = 60


def listed(names: Iterable[str], *, last: str = "or") -> str:
    """`a, b or c`."""
    every = list(names)
    if len(every) < 2:
        return "".join(every)
    return f"{', '.join(every[:-1])} {last} {every[-1]}"


def guess(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant."""
    by_case: dict[str, str] = {}
    for each in known:
        by_case.setdefault(each.casefold(), each)
    matches = get_close_matches(name.casefold(), by_case, n=1, cutoff=0.6)
    return by_case[matches[0]] if matches else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`; did you mean x?`, or nothing if no known name is near."""
    found = guess(name, known)
    return f"; did you mean {found}?" if found else ""


def shown(text: str) -> str:
    """A value as a message shows it: quoted, on one line, not too long."""
    if not text:
        return "nothing"
    return repr(text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…")


def items(text: str) -> tuple[str, ...]:
    """The items of a list: separated by commas or lines."""
    return tuple(item for part in text.split("\n") for each in part.split(",") if (item := each.strip()))
