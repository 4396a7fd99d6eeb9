"""Templates: texts in which the days asked for stand in braces, such as `{start_date}` or `{date:%d.%m.%Y}`."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from zoneinfo import ZoneInfo

NAMES = ("start_date", "end_date", "next_date", "date")
"""The days a text may have: first, last, the one after the last; `date` if the service is asked day by day."""

DAILY = "date"

_FIELD = re.compile(rf"\{{({'|'.join(NAMES)})(?::([^{{}}]*))?\}}")
_STRANGER = re.compile(r"\{([A-Za-z_][\w-]*)(?::[^{}]*)?\}")
_DIRECTIVE = re.compile(r"%(.?)", re.DOTALL)
_DIRECTIVES = frozenset("aAbBdHIjmMpSuUVwWyYGzZ%")
"""What every C library writes the same."""


@dataclass(frozen=True)
class Days:
    """Consecutive days, both ends included, and the zone in which they begin."""

    start: dt.date
    end: dt.date
    zone: ZoneInfo

    def named(self, name: str) -> dt.datetime:
        """The instant at which a named day begins."""
        days = {"end_date": self.end, "next_date": self.end + dt.timedelta(days=1)}
        return dt.datetime.combine(days.get(name, self.start), dt.time(), self.zone)


def _instant(day: dt.datetime) -> str:
    return day.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


_FORMATS: dict[str, Callable[[dt.datetime], str]] = {
    "": lambda day: day.date().isoformat(),
    "epoch": lambda day: str(int(day.timestamp())),
    "epoch-ms": lambda day: str(int(day.timestamp()) * 1000),
    "instant": _instant,
}


@dataclass(frozen=True)
class Template:
    """A text with days in it.

    A `strict` one has no other names in braces: they would be mistakes. Elsewhere, as in a body of JSON, all other
    braces stand for themselves. Raises ValueError for an unknown name or format.
    """

    text: str
    strict: bool = True

    def __post_init__(self) -> None:
        for match in _FIELD.finditer(self.text):
            _check_format(match[0], match[2] or "")
        stranger = _STRANGER.search(_FIELD.sub("", self.text)) if self.strict else None
        if stranger is not None:
            known = ", ".join(f"{{{name}}}" for name in NAMES)
            raise ValueError(f"has {stranger[0]}, which is no day; known are {known}")

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of the days that are in the text."""
        return frozenset(match[1] for match in _FIELD.finditer(self.text))

    def render(self, days: Days, quote: Callable[[str], str] = str) -> str:
        """The text with each day written as its format says, and passed through `quote`."""
        return _FIELD.sub(lambda match: quote(_written(days.named(match[1]), match[2] or "")), self.text)


def _written(day: dt.datetime, form: str) -> str:
    known = _FORMATS.get(form)
    return known(day) if known is not None else day.strftime(form)


def _check_format(field: str, form: str) -> None:
    if form in _FORMATS:
        return
    directives = _DIRECTIVE.findall(form)
    if not directives:
        raise ValueError(f"{field} has no format; expected epoch, epoch-ms, instant, or such as %Y%m%d")
    unknown = [each for each in directives if each not in _DIRECTIVES]
    if unknown:
        hint = "write {NAME:epoch} for seconds" if unknown[0] == "s" else "expected such as %Y, %m and %d"
        raise ValueError(f"{field} has the unknown directive %{unknown[0]}; {hint}")
