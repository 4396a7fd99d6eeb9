"""Values as every driver takes them, and back: days and instants are ISO 8601 text to SQLite, and to the others too."""

from __future__ import annotations

import datetime as dt
from typing import Any

MAX_TEXT = 2000
"""The most characters of an error or a remark that are kept."""


def instant_out(moment: dt.datetime | None) -> str | None:
    """An aware datetime as UTC text."""
    return None if moment is None else moment.astimezone(dt.UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def instant_in(value: Any) -> dt.datetime | None:
    """What a driver gives for an instant."""
    if value is None:
        return None
    return (dt.datetime.fromisoformat(value) if isinstance(value, str) else value).replace(tzinfo=dt.UTC)


def day_in(value: Any) -> dt.date:
    """What a driver gives for a day."""
    return dt.date.fromisoformat(value) if isinstance(value, str) else value


def epoch_in(value: Any) -> dt.datetime:
    """Seconds since 1970 by the database's clock."""
    return dt.datetime.fromtimestamp(float(value), dt.UTC)


def text_out(text: str) -> str:
    """`text` without what some database refuses (NUL, lone surrogates), cut to `MAX_TEXT` characters."""
    if len(text) > MAX_TEXT:
        text = f"{text[: MAX_TEXT - 1]}…"
    return text if text.isascii() and "\0" not in text else _storable(text)


def _storable(text: str) -> str:
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")
