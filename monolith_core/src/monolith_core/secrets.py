"""Secrets: what must never be shown, and how text is freed of it before it leaves the process.

Whatever writes text for people or files (log lines, errors, the report, the ledger, tables) passes it through `hide`.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable, Iterator
from urllib.parse import parse_qsl, quote, quote_plus, unquote, unquote_plus

HIDDEN = "***"

_PASSWORD = re.compile(r"(://[^\s/:@?#]*:)(?!(?:\*\*\*|\$\{\w+\})@)[^\s/@]+@")
"""The password of any URL in a text, registered or not; `${NAME}` only says where one is."""

_CREDENTIALS = re.compile(r"[a-z][a-z0-9+.-]*://(?P<user>[^:/@\s]*):(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_QUERY = re.compile(r"://[^?#]*\?([^#]*)", re.DOTALL)
_SECRET_PARAMETER = re.compile(r"pass|pwd|secret|token|api.?key|credential", re.IGNORECASE)

_SHORTEST = 4
_WORDS = frozenset({"monolith", "none", "null", "true", "false"})
"""To hide these everywhere would make every line unreadable, and show by it what the secret is."""


class Hider:
    """Replaces registered secrets, in whatever form they stand in a text, by `***`.

    A secret of fewer than four characters, or one that is a word of every log, is hidden only as a URL's password.
    """

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self._lock = threading.Lock()
        self.register(values)

    def register(self, values: Iterable[str]) -> None:
        """Hide `values` from now on."""
        new = {form for value in values for form in _forms(value) if _can_be_hidden(form)}
        with self._lock:
            if new <= self._forms:
                return
            self._forms |= new
            # The longest first: one secret may be the beginning of another.
            ordered = sorted(self._forms, key=lambda form: (-len(form), form))
            self._pattern = re.compile("|".join(map(re.escape, ordered)))

    def forget(self) -> None:
        """Hide no registered value any more."""
        with self._lock:
            self._forms = set()
            self._pattern = None

    def hide(self, text: str) -> str:
        """`text` without secrets."""
        pattern = self._pattern
        if pattern is not None:
            text = pattern.sub(HIDDEN, text)
        if "://" in text:
            text = _PASSWORD.sub(rf"\1{HIDDEN}@", text)
        return text


def _can_be_hidden(form: str) -> bool:
    return len(form) >= _SHORTEST and form.casefold() not in _WORDS


def _forms(value: str) -> Iterator[str]:
    """How a secret may be written: as it is, line by line, percent-encoded, in a URL's query, as JSON, as Python."""
    yield value
    yield value.strip()
    for line in value.splitlines():
        yield line.strip()
    safe = value.encode("utf-8", "surrogatepass")
    yield quote(safe, safe="")
    yield quote(safe)
    yield quote_plus(safe)
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield repr(value)[1:-1]


def url_secrets(text: str) -> frozenset[str]:
    """The passwords in a URL, as they stand there and decoded; empty for other text."""
    return frozenset(found for found in (*_passwords(text), *_secret_parameters(text)) if found)


def secret_parts(value: str) -> frozenset[str]:
    """What must be hidden of a value that is marked secret: all of it, but of a database's URL only the password."""
    is_database = re.match(r"(?!https?:)[a-z][a-z0-9+.-]*://", value, re.IGNORECASE)
    return url_secrets(value) if is_database else url_secrets(value) | ({value} if value else frozenset())


def without_credentials(text: str) -> str:
    """A URL without user and password; other text as it is."""
    return re.sub(r"^([a-z][a-z0-9+.-]*://)[^/?#]*@", r"\1", text, count=1, flags=re.IGNORECASE)


def _passwords(text: str) -> Iterator[str]:
    """Drivers disagree on where a password with a raw `@` or `/` in it ends, so each reading of it is a secret."""
    match = _CREDENTIALS.match(text)
    if match is None or "@" not in match["rest"]:
        return
    rest = match["rest"]
    for password in {rest.partition("@")[0], rest.partition("/")[0].rpartition("@")[0], rest.rpartition("@")[0]}:
        # The last `@` may be in the path or the query, and then what is before it begins with a port and a host.
        if not re.match(r"\d+/", password):
            yield password
            yield unquote(password)
            yield unquote_plus(password)


def _secret_parameters(text: str) -> Iterator[str]:
    match = _QUERY.search(text)
    if match is None:
        return
    for name, value in parse_qsl(match[1]):
        if _SECRET_PARAMETER.search(name):
            yield value


_hider = Hider()


def register(values: Iterable[str]) -> None:
    """Hide `values` in everything that passes through `hide`, from now on."""
    _hider.register(values)


def hide(text: str) -> str:
    """`text` with every registered secret, and every URL's password, replaced by `***`."""
    return _hider.hide(text)


def forget() -> None:
    """Forget the registered secrets: for tests, and for a process that is done with a configuration."""
    _hider.forget()


__all__ = ["HIDDEN", "Hider", "forget", "hide", "register", "secret_parts", "url_secrets", "without_credentials"]
