"""Versions: by what a service tells that an answer has not changed (RFC 9110, 8.8 and 13.1)."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b

from monolith_plugins_rest.calls import Call

LONGEST = 255
_ETAG, _MODIFIED = "e", "m"


def version_of(call: Call, headers: Mapping[str, str]) -> str:
    """The version of an answer: what was asked, and the service's ETag or else Last-Modified; empty without both."""
    etag, modified = headers.get("etag", "").strip(), headers.get("last-modified", "").strip()
    if not (etag or modified):
        return ""
    version = f"{_question(call)} {_ETAG if etag else _MODIFIED} {etag or modified}"
    return version if len(version) <= LONGEST else ""


def condition(call: Call, version: str) -> dict[str, str]:
    """The headers that ask for an answer only if it is another version; none if it is one of another question."""
    question, _, rest = version.partition(" ")
    kind, _, value = rest.partition(" ")
    if not value or question != _question(call):
        return {}
    return {"If-None-Match" if kind == _ETAG else "If-Modified-Since": value}


def _question(call: Call) -> str:
    text = "\n".join([call.method, call.url, *(f"{name}: {value}" for name, value in call.headers)])
    return blake2b(text.encode() + b"\n\n" + (call.body or b""), digest_size=6).hexdigest()
