"""Calls: what is asked of the service, as plain values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote_plus, urljoin, urlsplit

from monolith_core import PermanentError
from monolith_plugins_rest.bodies import setter

_PORTS = {"http": 80, "https": 443}
_SHOWN = 60
"""Characters of a value in the body that tell one call from another."""


@dataclass(frozen=True)
class Call:
    """One request, without what authenticates it; `place` says where in its answer it is, if the URL does not."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    place: str = ""

    def __str__(self) -> str:
        return f"{self.method} {self.where}"

    @property
    def where(self) -> str:
        """What tells it from the calls for other pages."""
        return f"{self.url} with {self.place}" if self.place else self.url

    @property
    def content_type(self) -> str | None:
        """The header Content-Type."""
        return next((value for name, value in self.headers if name.lower() == "content-type"), None)

    def with_param(self, name: str, value: str) -> Call:
        """The same with one parameter of its query set, in place of any of that name."""
        return replace(self, url=with_params(self.url, [(name, value)]))

    def with_field(self, name: str, value: Any) -> Call:
        """The same with one field of its body set; raises ValueError if the body can have none."""
        body = setter(self.content_type)(self.body or b"", name, value)
        return replace(self, body=body, place=f"{name} = {str(value)[:_SHOWN]}")

    def follow(self, base: str, link: str, what: str) -> Call:
        """The same at another URL of this service, `link`, relative to `base`; `what` names it in an error.

        Raises PermanentError if the link leads to another origin: credentials would go there.
        """
        try:
            url = urljoin(base, link.strip())
            there = origin(url)
        except ValueError:
            raise PermanentError(f"{what} is {link[:200]!r}, which is no URL") from None
        here = origin(self.url)
        if there != here:
            raise PermanentError(
                f"{what} leads to {there or repr(link[:200])}, away from {here}, and is not followed: only the origin "
                "of the option url is asked; change url if the service has moved"
            )
        return replace(self, url=url.partition("#")[0])


@lru_cache(maxsize=256)
def origin(url: str) -> str:
    """Scheme, host and port of a URL; empty for one that is not of HTTP, or has a user in it.

    Raises ValueError for what is no URL.
    """
    parts = urlsplit(url)
    port = parts.port
    if parts.scheme not in _PORTS or not parts.hostname or parts.username is not None or parts.password is not None:
        return ""
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    shown = "" if port in (None, _PORTS[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{host}{shown}"


def with_params(url: str, params: Iterable[tuple[str, str]]) -> str:
    """`url` with parameters set in its query, each in place of those of its name; the rest stays as it was written."""
    given = list(params)
    names = {name for name, _ in given}
    rest, _, query = url.partition("?")
    kept = [part for part in query.split("&") if part and unquote_plus(part.partition("=")[0]) not in names]
    added = [f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in given]
    return f"{rest}?{'&'.join([*kept, *added])}" if kept or added else rest
