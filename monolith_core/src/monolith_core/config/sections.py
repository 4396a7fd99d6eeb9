"""Sections: which sections a file has, by kind and id."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from monolith_core.config.found import Found
from monolith_core.config.reader import Section
from monolith_core.config.words import guess, shown
from monolith_core.partition import MAX_ID

KINDS = ("phase", "source", "target", "sequence")
_ID = re.compile(r"[A-Za-z0-9_.-]+")
_ALL = "[monolith], [phase:ID], [source:ID], [target:ID] or [sequence:ID]"


@dataclass
class Sections:
    """The sections of a file; `monolith` is an empty one if it is `missing` in the file."""

    monolith: Section
    missing: bool = True
    phase: dict[str, Section] = field(default_factory=dict)
    source: dict[str, Section] = field(default_factory=dict)
    target: dict[str, Section] = field(default_factory=dict)
    sequence: dict[str, Section] = field(default_factory=dict)

    def of(self, kind: str) -> dict[str, Section]:
        """The sections of one kind by id."""
        sections: dict[str, Section] = getattr(self, kind)
        return sections


def sort(sections: Iterable[Section], found: Found) -> Sections:
    """Tell the sections apart; note those that are of no kind, and a missing [monolith]."""
    by_kind = Sections(Section("monolith", 1))
    for section in sections:
        kind, colon, name = section.name.partition(":")
        if section.name == "monolith":
            by_kind.monolith, by_kind.missing = section, False
        elif not colon or kind not in KINDS:
            found.add(section.line, f"unknown section {section}; {_meant(section.name)}")
        elif fault := _id_fault(name):
            found.add(section.line, f"the id in {section} is {shown(name)}, expected {fault}")
        else:
            by_kind.of(kind)[name] = section
    if by_kind.missing:
        found.add(1, "there is no section [monolith]; add it, with database = sqlite:///%(here)s/archive.sqlite")
    return by_kind


def _meant(name: str) -> str:
    kind, colon, rest = name.partition(":")
    if name == "DEFAULT":
        return "write options that all sections share into [monolith]"
    near = guess(kind, (*KINDS, "monolith"))
    if near == "monolith":
        return "did you mean [monolith]?"
    if near and (colon or near != kind):
        return f"did you mean [{near}:{rest or 'ID'}]?"
    return f"expected {_ALL}"


def _id_fault(name: str) -> str | None:
    if not _ID.fullmatch(name):
        return "letters, digits, -, _ and . only; rename the section"
    if len(name) > MAX_ID:
        return f"at most {MAX_ID} characters; rename the section"
    return None
