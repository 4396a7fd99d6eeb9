"""Sections: which sections a file has, by kind and id."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from monolith_core.config.found import Found
from monolith_core.config.reader import Section
from monolith_core.config.words import guess
from monolith_core.partition import MAX_ID

KINDS = ("phase", "source", "target", "sequence", "transform", "executor", "hooks")
_ID = re.compile(r"[A-Za-z0-9_.-]+")
_ALL = "[monolith], [phase:ID], [source:ID], [target:ID], [sequence:ID], [transform:ID], [executor:ID] or [hooks:ID]"


@dataclass
class Sections:
    """The sections of a file; `monolith` is an empty one if it is `missing` in the file."""

    monolith: Section
    missing: bool = True
    phase: dict[str, Section] = field(default_factory=dict)
    source: dict[str, Section] = field(default_factory=dict)
    target: dict[str, Section] = field(default_factory=dict)
    sequence: dict[str, Section] = field(default_factory=dict)
    transform: dict[str, Section] = field(default_factory=dict)
    executor: dict[str, Section] = field(default_factory=dict)
    hooks: dict[str, Section] = field(default_factory=dict)

    def of(self, kind: str) -> dict[str, Section]:
        """The sections of one kind by id."""
        sections: dict[str, Section] = getattr(self, kind)
        return sections


def sort(sections: Iterable[Section], found: Found) -> Sections:
    """Tell the sections apart; note those that are of no kind, and a missing [monolith]."""
    by_kind = Sections(Section("monolith", 1))
    for section in sections:
        kind, _, name = section.name.partition(":")
        fault = None if section.name == "monolith" else _kind_fault(section.name) or _id_fault(name)
        if fault:
            found.add(section.line, f"section {section} {fault}")
        if kind in KINDS and not fault:
            by_kind.of(kind)[name] = section
        elif section.name == "monolith" or (by_kind.missing and _meant(section.name) == "monolith"):
            by_kind.monolith, by_kind.missing = section, False
    if by_kind.missing:
        found.add(1, "there is no section [monolith]; add it, with database = sqlite:///%(here)s/archive.sqlite")
    return by_kind


def _kind_fault(name: str) -> str | None:
    kind, _, rest = name.partition(":")
    if kind in KINDS:
        return None if rest else f"lacks an id; expected [{kind}:ID]"
    if name == "DEFAULT":
        return "is not known here; write options that all sections share into [monolith]"
    meant = _meant(name)
    if meant is None:
        return f"is not known; expected {_ALL}"
    right = meant if meant == "monolith" else f"{meant}:{rest or 'ID'}"
    return f"is not known; did you mean [{right}]?"


def _meant(name: str) -> str | None:
    """The kind that was probably meant."""
    return guess(name.partition(":")[0], (*KINDS, "monolith"))


def _id_fault(name: str) -> str | None:
    if not _ID.fullmatch(name):
        return "has an id with other characters than letters, digits, -, _ and .; rename it"
    if len(name) > MAX_ID:
        return f"has an id of {len(name)} characters, expected at most {MAX_ID}; rename it"
    return None
