"""Template: a path with a day's fields in it, such as `logs/%Y/%m/visits-%Y-%m-%d*.csv.gz`, and the files that fit it.

Fields are strftime's. `%Y %y %m %d %j %G %V %u` are the day's; `%H %M %S` stand for any two digits, so that the files
of every hour are those of the day; `%%` is a percent sign. `*`, `?` and `[...]` match within a name, `**` any folders;
none of them matches a dot that begins a name, so that a file that is still being written may hide behind one.
`{source}`, in the path of a target, is the source's id.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from urllib.parse import quote

FIELDS: dict[str, tuple[str, Callable[[dt.date], str]]] = {
    "Y": (r"\d{4}", lambda day: f"{day.year:04}"),
    "y": (r"\d{2}", lambda day: f"{day.year % 100:02}"),
    "m": (r"\d{2}", lambda day: f"{day.month:02}"),
    "d": (r"\d{2}", lambda day: f"{day.day:02}"),
    "j": (r"\d{3}", lambda day: f"{day.timetuple().tm_yday:03}"),
    "G": (r"\d{4}", lambda day: f"{day.isocalendar().year:04}"),
    "V": (r"\d{2}", lambda day: f"{day.isocalendar().week:02}"),
    "u": (r"\d", lambda day: str(day.isoweekday())),
}
"""The fields of a day: what they look like, and what they are."""

_TIMES = "HMS"
_DAYS = ({"Y", "m", "d"}, {"y", "m", "d"}, {"Y", "j"}, {"y", "j"}, {"G", "V", "u"})
"""Fields that together tell a day."""

_SOURCE = "{source}"
_SOURCE_ID = r"(?!\.)[^/]+"
_PARTS = re.compile(
    r"%(?P<field>.?)|(?P<source>\{source\})|(?P<glob>\*\*/|\*+|\?|\[!?\]?[^\]/]*\])|(?P<text>.)", re.DOTALL
)
_SPECIAL = re.compile(r"[*?\[]|%[HMS]|\{source\}")
_SPECIAL_OR_DAY = re.compile(r"[*?\[]|%[^%]|\{source\}")

Key = tuple[str, ...]
"""The fields of a path, in the order of `Template.fields`."""


class TemplateError(ValueError):
    """A path that is no template: the message says what was got and what was expected."""


@dataclass(frozen=True)
class Template:
    """A template as it is written, with `/` between folders; `base`, which means just itself, stands before it."""

    text: str
    base: str = ""

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """The fields of the day that are in it, each once."""
        found = (match["field"] for match in _PARTS.finditer(self.text))
        return tuple(dict.fromkeys(field for field in found if field in FIELDS))

    @property
    def tells_day(self) -> bool:
        """Whether a path says which day it is about."""
        return any(needed <= set(self.fields) for needed in _DAYS)

    @property
    def names_source(self) -> bool:
        """Whether it has `{source}`."""
        return _SOURCE in self.text

    @cached_property
    def has_glob(self) -> bool:
        """Whether more than one file may fit for a day."""
        return any(match["glob"] or match["field"] in (*_TIMES,) for match in _PARTS.finditer(self.text))

    @property
    def is_plain(self) -> bool:
        """Whether a day's path is just written."""
        return not self.has_glob and not self.names_source

    @cached_property
    def regex(self) -> re.Pattern[str]:
        """What the paths that fit it look like: a group for each field, and `source`."""
        return re.compile(re.escape(self.base) + "".join(self._patterns()), re.DOTALL)

    def check(self) -> None:
        """Raise TemplateError for what is no template."""
        for match in _PARTS.finditer(self.text):
            field = match["field"]
            if field is not None and field not in FIELDS and field not in (*_TIMES, "%"):
                known = " ".join(f"%{name}" for name in (*FIELDS, *_TIMES))
                raise TemplateError(f"%{field} is no field of a path; expected {known}, or %% for a percent sign")

    def key(self, day: dt.date) -> Key:
        """The fields of a day."""
        return tuple(FIELDS[field][1](day) for field in self.fields)

    def keys(self, days: Iterable[dt.date]) -> dict[Key, list[dt.date]]:
        """The days that have the same fields: those of a month, if a path says no more than the month."""
        found: dict[Key, list[dt.date]] = {}
        for day in days:
            found.setdefault(self.key(day), []).append(day)
        return found

    def key_of(self, path: str) -> Key | None:
        """The fields of a path that fits, None for another one."""
        match = self.regex.fullmatch(path)
        return tuple(match[field] for field in self.fields) if match else None

    def day_of(self, match: re.Match[str]) -> dt.date | None:
        """The day that a match of `regex` tells; None for one that is not in the calendar."""
        text = " ".join(match[field] for field in self.fields)
        try:
            return dt.datetime.strptime(text, " ".join(f"%{field}" for field in self.fields)).date()
        except ValueError:
            return None

    def written(self, day: dt.date, source: str = "") -> str:
        """The path for a day, with the wildcards left as they are."""

        def replaced(match: re.Match[str]) -> str:
            field = match["field"]
            if field in FIELDS:
                return FIELDS[field][1](day)
            if field is not None:
                return "%" if field == "%" else "??"
            return source if match["source"] and source else match[0]

        return self.base + _PARTS.sub(replaced, self.text)

    def folders(self, days: Iterable[dt.date]) -> tuple[list[str], str | None]:
        """The folders in which the search for the files of these days begins.

        They are those that the files lie in, or else those in which the folders lie that the next part of the path may
        mean; what stands behind that part is given too then.
        """
        folder = self.text.rpartition("/")[0]
        special = _SPECIAL.search(folder)
        rest = None
        if special is not None:
            rest = self.text[special.start() :].partition("/")[2]
            folder = folder[: special.start()].rpartition("/")[0]
        plain = Template(folder)
        return list(dict.fromkeys(self._place(plain.written(day)) for day in days)), rest

    def root(self, days: Iterable[dt.date] | None) -> str:
        """The deepest folder that all files of these days lie in or below; None stands for all days there are."""
        folder = self.text.rpartition("/")[0]
        special = _SPECIAL if days is not None else _SPECIAL_OR_DAY
        match = special.search(folder)
        plain = Template(folder if match is None else folder[: match.start()].rpartition("/")[0])
        parts = [self._place(plain.written(day)).split("/") for day in days or (dt.date.min,)]
        common = takewhile(lambda names: len(set(names)) == 1, zip(*parts, strict=False))
        return "/".join(names[0] for names in common) or "/"

    def _place(self, folder: str) -> str:
        return f"{self.base}{folder}".rstrip("/") or "/"

    def _patterns(self) -> Iterator[str]:
        seen: set[str] = set()
        begins = True
        for match in _PARTS.finditer(self.text):
            if begins and match["glob"] and match["glob"] != "**/":
                yield r"(?!\.)"
            yield self._pattern(match, seen)
            begins = match[0].endswith("/")

    @staticmethod
    def _pattern(match: re.Match[str], seen: set[str]) -> str:
        field, glob = match["field"], match["glob"]
        name = "source" if match["source"] else field if field in FIELDS else ""
        if name in seen:
            return f"(?P={name})"
        if name:
            seen.add(name)
            return f"(?P<{name}>{_SOURCE_ID if match['source'] else FIELDS[name][0]})"
        if field is not None:
            return "%" if field == "%" else r"\d\d"
        return _glob_pattern(glob) if glob else re.escape(match[0])


def _glob_pattern(glob: str) -> str:
    if glob == "**/":
        return r"(?:(?!\.)[^/]+/)*"
    if glob.startswith("*"):
        return r"[^/]*" if glob == "*" else r"(?:(?!\.)[^/]+/)*(?!\.)[^/]*"
    if glob == "?":
        return r"[^/]"
    inside = re.sub(r"[\\\[&|~^]", r"\\\g<0>", glob[1:-1])
    return f"[^/{inside[1:]}]" if inside.startswith("!") else f"[{inside}]"


def quoted(source: str) -> str:
    """A source's id as a part of a path: what could mean something else there is written as in a URL."""
    text = quote(source, safe=" ")
    return f"%2E{text[1:]}" if text.startswith(".") else text
