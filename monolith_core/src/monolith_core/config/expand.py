"""Expand: values with `%(here)s` and `${NAME}`, values that stand in a file of their own (`NAME_file`), and SQLite
files whose path begins in the folder of the configuration.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from monolith_core.config.found import Found
from monolith_core.config.reader import Option, Section, UnreadableError, read_text
from monolith_core.urls import absolute_sqlite

_REFERENCE = re.compile(r"%\(here\)s|\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_FILE = re.compile(r"[-_]file\Z")


@dataclass(frozen=True)
class Value:
    """An option's text after expansion, and where it was written; a `section` of "" is the command line."""

    text: str
    line: int
    section: str
    written: str

    def __str__(self) -> str:
        return f"option {self.written} of {self.section}" if self.section else f"--{self.written}"


@dataclass
class Values:
    """The values of one section; `broken` are options whose fault is already noted."""

    good: dict[str, Value] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)

    def over(self, base: Values) -> Values:
        """These values, and those of `base` for options that are not given here."""
        given = self.good.keys() | self.broken
        return Values(
            {**{name: value for name, value in base.good.items() if name not in given}, **self.good},
            self.broken | {name for name in base.broken if name not in given},
        )

    def spoil(self, names: Iterable[str]) -> None:
        """Note that options turned out to be faulty."""
        for name in names:
            if self.good.pop(name, None) is not None:
                self.broken.add(name)

    def only(self, wanted: Callable[[str], bool]) -> Values:
        """The values of some options."""
        return Values(
            {name: value for name, value in self.good.items() if wanted(name)},
            {name for name in self.broken if wanted(name)},
        )


class Expander:
    """Expands the values of one configuration; each is looked at once, what is put in is not expanded again."""

    def __init__(self, folder: Path, environ: Mapping[str, str], found: Found) -> None:
        self._folder = folder
        self._environ = environ
        self._found = found

    def values(self, section: Section, known: Callable[[str], bool]) -> Values:
        """The values of a section whose model knows the options that `known` says."""
        values = Values()
        for option in section.options.values():
            base = from_file(option.name, known)
            if base is not None and base in section.options:
                first = section.options[base]
                self._found.add(
                    option.line,
                    f"option {option.written} of {section} gives what {first.written} in line {first.line} gives; "
                    "remove one of them",
                )
                continue
            text = self._text(section, option, is_file=base is not None)
            if text is None:
                values.broken.add(base or option.name)
            else:
                values.good[base or option.name] = Value(text, option.line, str(section), option.written)
        return values

    def _text(self, section: Section, option: Option, *, is_file: bool) -> str | None:
        text = self._expand(section, option)
        if text is None or not is_file:
            return text and absolute_sqlite(text, self._folder)
        try:
            content = read_text(self._folder / text)
        except UnreadableError as error:
            place = f"{text}:{error.line}" if error.line else text
            self._found.add(option.line, f"option {option.written} of {section}: {place}: {error}")
            return None
        return absolute_sqlite(re.sub(r"\r?\n\Z", "", content), self._folder)

    def _expand(self, section: Section, option: Option) -> str | None:
        broken = False

        def replaced(match: re.Match[str]) -> str:
            nonlocal broken
            text = self._environ.get(match[1], None) if match[1] else str(self._folder)
            what = f"the environment variable {match[1]}" if match[1] else "the folder of the configuration"
            if text is None:
                fault = f"{what} is not set; set it, or write the value in its place"
            elif not _is_text(text):
                fault = f"{what} is not UTF-8; change it"
            else:
                return text
            self._found.add(option.line, f"option {option.written} of {section}: {fault}")
            broken = True
            return ""

        text = _REFERENCE.sub(replaced, option.value)
        return None if broken else text


def from_file(name: str, known: Callable[[str], bool]) -> str | None:
    """The option that `name` gives the value of by a file; None if it is an option of its own, or of no known one."""
    base = _FILE.sub("", name)
    # Any name may follow the dot of `param.NAME`, so there the ending always means the file.
    own = known(name) and "." not in name
    return base if base != name and known(base) and not own else None


def _is_text(text: str) -> bool:
    """Whether it has none of the stand-ins that Python puts for bytes that are not UTF-8."""
    return not re.search("[\ud800-\udfff]", text)
