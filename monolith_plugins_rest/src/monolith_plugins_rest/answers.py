"""Answers: what came back, and how much of it an error may show."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus

HIDDEN = "***"

_SHOWN = 200
"""Characters of an answer that an error shows."""
_LOOKED_AT = 65536
"""Bytes of it that are freed of secrets first: half a secret at the end of an excerpt would not be known as one."""
_SHORTEST = 4


class Secrets:
    """What must not be shown: the configuration's secrets, and those that come up on the way, such as tokens."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._forms: set[str] = set()
        self.add(*values)

    def add(self, *values: str) -> None:
        """Hide these from now on, in each form that they may have in a URL, a header or an answer."""
        for value in values:
            if len(value) >= _SHORTEST:
                self._forms |= {value, quote(value, safe=""), quote(value), quote_plus(value), json.dumps(value)[1:-1]}

    def hide(self, text: str) -> str:
        """`text` without them."""
        for form in sorted(self._forms, key=len, reverse=True):
            text = text.replace(form, HIDDEN)
        return text


@dataclass(frozen=True)
class Answer:
    """An answer as it came: `asked` is the request in words, `url` where it came from in the end.

    Of a `private` one nothing is shown: it has secrets that are not known yet.
    """

    asked: str
    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    link: str | None = None
    secrets: Secrets = field(default_factory=Secrets)
    private: bool = False

    @property
    def kind(self) -> str:
        """The media type, in lower case and without parameters; empty if the service names none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def says(self) -> str:
        """`answered 200 with text/html`."""
        return self.secrets.hide(f"answered {self.status} with {self.kind or 'no media type'}")

    def excerpt(self, start: int = 0) -> str:
        """The beginning of the body, or what is around a byte of it, in one line and without secrets."""
        if self.private:
            return "what is not shown, as it may have a token"
        text = self.secrets.hide(self.body[: start + _LOOKED_AT].decode("utf-8", "replace"))
        begin = max(0, min(start, len(text)) - _SHOWN // 2) if start > _SHOWN else 0
        shown = " ".join(text[begin : begin + 2 * _SHOWN].split())[:_SHOWN]
        return repr(shown) if shown else "nothing"
