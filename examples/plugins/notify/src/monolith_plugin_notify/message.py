"""Changes in words."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from monolith_core import Run
from monolith_plugin_notify.troubles import Changes, Kind, Trouble

_BEGAN: dict[Kind, str] = {
    "run": "the run broke off",
    "source": "could not be worked on",
    "failed": "failed",
    "held": "held, because the new answer is much smaller",
    "drift": "had drifted, and was due again",
}
_ENDED: dict[Kind, str] = {
    "run": "runs go on to their end again",
    "source": "is worked on again",
    "failed": "no longer failed",
    "held": "no longer held",
    "drift": "",
}
_DAYS = 5
"""Most days that are named of one source."""


class Message(NamedTuple):
    """What is sent, without secrets, as the events of a run are."""

    title: str
    text: str


def message(run: Run, changes: Changes) -> Message:
    """What a run has changed."""
    lines = [*_lines(changes.began, _BEGAN), *_lines(dict.fromkeys(changes.ended, ""), _ENDED)]
    first = lines[0].partition(":\n")[0]
    more = f", and {len(lines) - 1} more" if len(lines) > 1 else ""
    where = f"{run.config} on {run.host}, run of {run.started:%Y-%m-%d %H:%M %Z}"
    return Message(f"monolith: {first}{more}", "\n".join([where, "", *lines]))


def together(messages: Sequence[Message]) -> Message:
    """One message of some, with the newest one's title and the texts in their order."""
    *earlier, newest = messages
    more = f" (after {len(earlier)} that could not be sent)" if earlier else ""
    return Message(f"{newest.title}{more}", "\n\n".join(each.text for each in messages))


def _lines(troubles: Mapping[Trouble, str], words: Mapping[Kind, str]) -> Iterator[str]:
    """A line for each kind, source and target."""
    for (kind, source, target), group in groupby(sorted(troubles), key=lambda each: each[:3]):
        same = list(group)
        subject = f"{source} into {target}" if target else source
        why = f":\n  {troubles[same[0]]}" if troubles[same[0]] else ""
        yield " ".join(part for part in (subject, words[kind], _days(each.day for each in same)) if part) + why


def _days(days: Iterable[str]) -> str:
    named = [day for day in days if day]
    more = f" and {len(named) - _DAYS} days more" if len(named) > _DAYS else ""
    return f"({', '.join(named[-_DAYS:])}{more})" if named else ""
