"""Failures: what a service and the network answer, in monolith's errors, each one line that says what to do."""

from __future__ import annotations

import datetime as dt
import os
import ssl
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from monolith_core import Deferred, MonolithError, PermanentError, TemporaryError
from monolith_plugins_rest.answers import Answer

_TEMPORARY = frozenset({202, 408, 425, 429, 500, 502, 503, 504})
_TOO_MANY = 429

_HINTS = {
    401: "the service does not know who asks; check the option auth and what belongs to it",
    403: "the service refuses this to whoever the option auth says that asks",
    404: "there is no such address; check url and param",
    405: "the service does not take this method; check method",
    406: "the service has no JSON here; check url, or add header.Accept",
}


def refusal(answer: Answer, patience: float) -> MonolithError:
    """The error for an answer that has no records; `patience` is for how long a run waits at most."""
    text = f"{answer.asked} {answer.says()}: {answer.excerpt()}"
    if answer.status not in _TEMPORARY:
        hint = _HINTS.get(answer.status)
        return PermanentError(f"{text}; {hint}" if hint else text)
    wait = retry_after(answer.headers)
    if answer.status == _TOO_MANY and wait is not None and wait > patience:
        return Deferred(f"{text}; the service asks to come back in {wait:.0f} s, so the rest is left to a later run")
    return TemporaryError(text, retry_after=wait)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait by the header Retry-After (RFC 9110, 10.2.3): seconds, or a date by the server's own clock.

    None if there is none that can be read.
    """
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    until = _instant(text)
    if until is None:
        return None
    now = _instant(headers.get("date", "")) or dt.datetime.now(dt.UTC)
    return max(0.0, (until - now).total_seconds())


def _instant(text: str) -> dt.datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=dt.UTC)


def of_network(asked: str, error: Exception) -> MonolithError:
    """The error for an exception of httpx."""
    import httpx

    certificate = _cause(error, ssl.SSLCertVerificationError)
    if isinstance(certificate, ssl.SSLCertVerificationError):
        return PermanentError(
            f"{asked}: the server's certificate is not trusted: {certificate.verify_message}; name its authority's "
            "certificates with ca = FILE, or the host as the certificate does"
        )
    if isinstance(error, httpx.TimeoutException):
        return TemporaryError(f"{asked}: no answer in time ({_reason(error)}); see the option request-timeout")
    if isinstance(error, httpx.UnsupportedProtocol | httpx.LocalProtocolError | httpx.InvalidURL):
        return PermanentError(f"{asked} cannot be sent: {_reason(error)}")
    if isinstance(error, httpx.RemoteProtocolError):
        return TemporaryError(f"{asked}: the answer is cut, or is not HTTP: {_reason(error)}")
    return TemporaryError(f"{asked}: {_reason(error)}")


def _reason(error: Exception) -> str:
    """What httpx says, and what the system said to it: `connection refused` is the deepest cause of a row of errors."""
    deepest = _cause(error, OSError)
    number = deepest.errno if isinstance(deepest, OSError) else None
    why = os.strerror(number) if number and number > 0 else ""
    text = str(error)
    parts = [text, why] if why.lower() not in text.lower() else [text]
    return " ".join(": ".join(part for part in parts if part).split()) or type(error).__name__


def _cause(error: BaseException, kind: type[BaseException]) -> BaseException | None:
    """The deepest cause of a kind."""
    found: BaseException | None = None
    cause: BaseException | None = error
    while cause is not None:
        found = cause if isinstance(cause, kind) else found
        group = cause.exceptions[0] if isinstance(cause, BaseExceptionGroup) else None
        cause = group or cause.__cause__ or cause.__context__
    return found
