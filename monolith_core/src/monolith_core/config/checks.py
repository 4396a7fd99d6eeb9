"""Checks: what sections say of each other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from monolith_core.config.expand import Value
from monolith_core.config.found import Found
from monolith_core.config.model import PhaseConfig
from monolith_core.config.sections import Sections
from monolith_core.config.words import did_you_mean, listed, shown
from monolith_core.registry import Kind


def names(value: Value | None, given: Iterable[str], known: Mapping[str, object], what: str, found: Found) -> None:
    """Note the names of a list that are unknown or there twice, and an empty list."""
    if value is None:
        return
    given = list(given)
    if not given:
        found.add(value.line, f"{value}: got nothing, expected {_expected(known, what)}")
    for place, name in enumerate(given):
        if name in given[:place]:
            found.add(value.line, f"{value}: got {shown(name)} twice; remove one of them")
        elif name not in known:
            near = did_you_mean(name, known)
            found.add(value.line, f"{value}: got {shown(name)}, expected {_expected(known, what)}{near}")


def _expected(known: Mapping[str, object], what: str) -> str:
    return f"{what} ({listed(known)})" if known else f"{what}; there is none yet, add one"


def helpers_used(sections: Sections, used: Mapping[Kind, Iterable[str]], found: Found) -> None:
    """Note transforms and executors that no source names; `used` are those that are named, by kind."""
    options: tuple[tuple[Kind, str], ...] = (("transform", "transforms"), ("executor", "executor"))
    for kind, option in options:
        for name, section in sections.of(kind).items():
            if name not in used[kind]:
                found.add(
                    section.line,
                    f"no source uses {section}; name it in {option} of a [source:ID], or remove the section",
                )


def all_used(sections: Sections, phases: Mapping[str, PhaseConfig], found: Found) -> None:
    """Note sources and targets that no phase names."""
    if not sections.phase:
        found.add(sections.monolith.line, "there is no phase; add a section [phase:ID] with sources and targets")
        return
    used = {
        "source": {name for phase in phases.values() for name in phase.sources},
        "target": {name for phase in phases.values() for name in phase.targets},
    }
    for kind, ids in used.items():
        for name, section in sections.of(kind).items():
            if name not in ids:
                found.add(
                    section.line, f"no phase uses {section}; name it in {kind}s of a [phase:ID], or remove the section"
                )


def all_in_sequence(
    sections: Sections, monolith: Sequence[str], sequences: Mapping[str, Sequence[str]], found: Found
) -> None:
    """Note phases that no sequence names; only when `[monolith]` says a sequence can one be forgotten."""
    if not monolith:
        return
    named = {*monolith, *(name for phases in sequences.values() for name in phases)}
    for name, section in sections.phase.items():
        if name not in named:
            found.add(
                section.line,
                f"no sequence has {section}; add {name} to sequence of [monolith] or to a [sequence:ID], "
                "or remove the section",
            )


def told_apart(sections: Sections, found: Found) -> None:
    """Note sequences with the id of a phase: `--sequence` could mean either."""
    for name, section in sections.sequence.items():
        if name in sections.phase:
            line = sections.phase[name].line
            found.add(section.line, f"{section} has the id of [phase:{name}] in line {line}; rename one of them")
