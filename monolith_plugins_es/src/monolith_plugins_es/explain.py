"""Explain: which field of which document Elasticsearch will not take, with its value."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from monolith_core import PermanentError, RecordError
from monolith_plugins_es.documents import LONGEST_NUMBER, OWN, leaves, parsed, shown
from monolith_plugins_es.failures import reason_of

_FIELD = (
    re.compile(r"tried to parse field \[([^\]]*)\]"),
    re.compile(r"failed to parse field \[([^\]]*)\]"),
    re.compile(r"object field \[([^\]]*)\]"),
    re.compile(r"object mapping \[([^\]]*)\]"),
    re.compile(r"mapping \[([^\]]*)\] with an object mapping"),
    re.compile(r"only whitespace: \['(.*?)'\]"),
    re.compile(r"only whitespace: \[(.*?)\]"),
    re.compile(r"Duplicate field '(.*?)'"),
    re.compile(r"Field \[([^\]]*)\] is a metadata field"),
    re.compile(r"dynamic introduction of \[([^\]]*)\]"),
)
_REPEATED = (
    re.compile(r"^\[\d+:\d+\] "),
    re.compile(r" in document with id '[^']*'"),
    re.compile(r"\. Preview of field's value: '.*?'(?=:|$)"),
)
_IS_OTHER_TYPE = re.compile(r"of type \[|object mapping|object field|as object")
_OTHER_TYPE = "; rename the field in the source, or give it a type in mappings"
_PLACE = re.compile(r"\[1:(\d+)\]")
_NAME = re.compile(rb'"((?:[^"\\]|\\.)*)"\s*:')


class Explainer:
    """Makes the error for a document that is refused; `fields_of` gives the fields that an index has already."""

    def __init__(self, fields_of: Callable[[str], frozenset[str]]) -> None:
        self._fields_of = fields_of

    def __call__(self, index: str, line: bytes, error: Any) -> PermanentError:
        """The error for an action, from Elasticsearch's error."""
        if line.startswith(b'{"delete"'):
            return PermanentError(f"Elasticsearch does not let go of a document of {index}: {reason_of(error)}")
        written = line.split(b"\n", 2)[1]
        document = parsed(written)
        own = document.get(OWN, {})
        of = f"a record of {own.get('source')}, category {own.get('category')}"
        if isinstance(error, Mapping) and error.get("type") == "too_large":
            return PermanentError(
                f"{of} has {len(written)} bytes, more than the server takes in one request; "
                "raise http.max_content_length there (or the limit of the proxy before it), or shorten the record"
            )
        reason = reason_of(error)
        field = self._field(index, written, document, reason)
        if field is None:
            return PermanentError(f"{index} does not take {of}: {reason}")
        name, value = field
        return RecordError(f"{index} does not take {shown(value)} of {of}: {plain(reason)}", field=name or '""')

    def _field(self, index: str, written: bytes, document: Any, reason: str) -> tuple[str, Any] | None:
        found = list(leaves({name: value for name, value in document.items() if name != OWN}))
        if "Limit of total fields" in reason:
            known = self._fields_of(index)
            return next(((name, value) for name, value in found if name not in known), None)
        if "cannot be an empty string" in reason:
            return next(((name, value) for name, value in found if name == "" or name.endswith(".")), None)
        if "Number value length" in reason:
            return next(((name, value) for name, value in found if isinstance(value, str) and _is_long(value)), None)
        named = _first_match(reason)
        if named is not None:
            return _closest(found, named)
        place = _PLACE.search(reason)
        return _closest(found, _name_at(written, int(place[1]))) if place is not None else None


def plain(reason: str) -> str:
    """A reason without what it repeats of the document, and what to do about a value of another type."""
    for repeated in _REPEATED:
        reason = repeated.sub("", reason)
    reason = reason.strip().rstrip(".")
    return reason + _OTHER_TYPE if _IS_OTHER_TYPE.search(reason) else reason


def _first_match(reason: str) -> str | None:
    for pattern in _FIELD:
        match = pattern.search(reason)
        if match is not None:
            return match[1]
    return None


def _closest(found: Iterable[tuple[str, Any]], name: str) -> tuple[str, Any] | None:
    """The field of this path, or the one that ends in this name."""
    exact = [(path, value) for path, value in found if path == name]
    # Elasticsearch may name the end of the path, or, of a dotted name, its beginning.
    near = [(path, value) for path, value in found if path.endswith(f".{name}") or path.startswith(f"{name}.")]
    return next(iter(exact + near), None) if name else None


def _is_long(value: str) -> bool:
    """Whether this is the text of a number that is too long; see `parsed`."""
    return len(value) >= LONGEST_NUMBER and value.lstrip("-").isdigit()


def _name_at(written: bytes, place: int) -> str:
    """The last name that stands before a place, which is counted in bytes from 1."""
    names = [match[1] for match in _NAME.finditer(written[: place + 1])]
    return str(parsed(b'"' + names[-1] + b'"')) if names else ""
