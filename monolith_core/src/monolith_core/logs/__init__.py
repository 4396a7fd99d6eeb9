"""Logs: where lines go, what they look like, and the hook plugin that tells the events of a run in lines."""

from monolith_core.logs.narrator import Narrator
from monolith_core.logs.output import LEVELS, Format, Lines, escaped, logging_to, to_stderr, to_stdout
from monolith_core.logs.words import amount, days_text, plain, ranges, took

__all__ = [
    "LEVELS",
    "Format",
    "Lines",
    "Narrator",
    "amount",
    "days_text",
    "escaped",
    "logging_to",
    "plain",
    "ranges",
    "to_stderr",
    "to_stdout",
    "took",
]
