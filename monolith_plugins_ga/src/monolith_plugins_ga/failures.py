"""Failures: what Google, its client and the network say, as monolith's errors with what to do about it.

The statuses are those of https://cloud.google.com/apis/design/errors; the texts of quotas those that the API sends.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

import requests
from google.api_core import exceptions as google
from google.auth import exceptions as auth
from google.protobuf.json_format import ParseError

from monolith_core import Deferred, MonolithError, PermanentError, TemporaryError

_TEMPORARY = frozenset({408, 409, 425, 499, 500, 502, 503, 504})
_LONGEST = 300


def of_client(error: Exception, doing: str, who: str) -> MonolithError:
    """The error for an exception of the client's while it was `doing` something; `who` is whose credentials it had."""
    if isinstance(error, google.RetryError) and isinstance(error.cause, Exception):
        return of_client(error.cause, doing, who)
    if isinstance(error, google.GoogleAPICallError):
        return _of_answer(error, doing, who)
    if isinstance(error, auth.TransportError):
        return TemporaryError(f"no connection to Google's token server ({doing}): {_cause(error)}")
    if isinstance(error, auth.GoogleAuthError):
        return _of_credentials(error, who)
    if isinstance(error, requests.exceptions.SSLError):
        return PermanentError(f"no TLS connection to Google: {_cause(error)}; is a proxy between that is not trusted?")
    if isinstance(error, requests.exceptions.Timeout):
        return TemporaryError(f"Google did not answer in time ({doing})")
    if isinstance(error, requests.exceptions.RequestException):
        return TemporaryError(f"no connection to Google ({doing}): {_cause(error)}")
    if isinstance(error, ParseError | ValueError | TypeError | AttributeError | KeyError):
        # What is no JSON object, or none of the API's, the client meets with errors of its own reading.
        return TemporaryError(f"the answer is not one of Google's ({doing}): {one_line(str(error))}")
    raise error


def _of_answer(error: google.GoogleAPICallError, doing: str, who: str) -> MonolithError:
    status, text = int(error.code or 0), message(error)
    if status == 429:
        return _of_quota(text, doing, wait_asked(error))
    if status in _TEMPORARY:
        return TemporaryError(f"Google cannot {doing} now ({status}): {text}", retry_after=wait_asked(error))
    return PermanentError(f"Google does not {doing} ({status}): {text}{_advice(status, _reason(error), who)}")


def _of_quota(text: str, doing: str, wait: float | None) -> MonolithError:
    """Too many at once passes by itself; a quota of an hour or a day comes back after this run."""
    if re.search(r"exhausted (?!concurrent)", text, re.IGNORECASE):
        return Deferred(f"the quota is used up: {text}; the rest comes with a later run")
    return TemporaryError(f"Google cannot {doing} now (429): {text}", retry_after=wait)


def _advice(status: int, reason: str, who: str) -> str:
    if reason == "SERVICE_DISABLED":
        return "; enable the Google Analytics Data API in the project of these credentials"
    if reason == "ACCESS_TOKEN_SCOPE_INSUFFICIENT":
        return f"; the credentials need the scope {SCOPE}"
    if status == 401:
        return f"; see the credentials of {who}"
    if status == 403:
        return f"; add {who} to the property as a Viewer (Admin > Property access management)"
    if status == 404:
        return "; see property and endpoint"
    return "; monolith check names what is wrong" if status == 400 else ""


SCOPE = "https://www.googleapis.com/auth/analytics.readonly"
"""The right that is asked for: to read."""


def _of_credentials(error: auth.GoogleAuthError, who: str) -> MonolithError:
    text = one_line(str(error.args[0] if error.args else error))
    if isinstance(error, auth.InvalidOperation):  # a server on this machine, that is asked without any
        return PermanentError("the endpoint asks for credentials; write credentials = FILE")
    if isinstance(error, auth.DefaultCredentialsError):
        return PermanentError(
            "there are no application default credentials here; write credentials = FILE, "
            f"or set GOOGLE_APPLICATION_CREDENTIALS ({text})"
        )
    if error.retryable:
        return TemporaryError(f"Google's token server gives no token to {who} now: {text}")
    return PermanentError(f"Google gives no token to {who}: {text}; make a new key, or see the clock of this machine")


def message(error: google.GoogleAPICallError) -> str:
    """What the server said, on one line."""
    # The client puts the request's method and address in front of it.
    return one_line(re.sub(r"^(?:GET|POST) \S+: ", "", str(error.message or "no reason given")))


def one_line(text: str) -> str:
    """A text of somewhere else on one line, without markup, not too long."""
    plain = " ".join(re.sub(r"<[^>]*>", " ", text).split())
    return plain if len(plain) <= _LONGEST else f"{plain[: _LONGEST - 1]}…"


def wait_asked(error: google.GoogleAPICallError) -> float | None:
    """The seconds to wait that the answer asks for, in a header or in its details."""
    headers: Any = getattr(error.response, "headers", None) or {}
    given = str(headers.get("retry-after", ""))
    if re.fullmatch(r"\d{1,9}", given):
        return float(given)
    for detail in _details(error):
        delay = re.fullmatch(r"(\d{1,9}(?:\.\d+)?)s", str(detail.get("retryDelay", "")))
        if delay is not None:
            return float(delay[1])
    return None


def _reason(error: google.GoogleAPICallError) -> str:
    return next((str(detail["reason"]) for detail in _details(error) if "reason" in detail), "")


def _details(error: google.GoogleAPICallError) -> Iterable[dict[str, Any]]:
    """The details of an error as JSON: of REST they are in the answer, of gRPC the client has read them."""
    body: Any = getattr(error.response, "text", None)
    if body is not None:
        try:
            found = json.loads(body)["error"]["details"]
        except (ValueError, KeyError, TypeError):
            found = []
        return [detail for detail in found if isinstance(detail, dict)]
    return [_of_grpc(detail) for detail in error.details]


def _of_grpc(detail: Any) -> dict[str, Any]:
    if hasattr(detail, "retry_delay"):
        return {"retryDelay": f"{detail.retry_delay.seconds + detail.retry_delay.nanos / 1e9:g}s"}
    return {"reason": detail.reason} if hasattr(detail, "reason") else {}


def _cause(error: Exception) -> str:
    """The innermost reason that the layers below the client give."""
    inner: Any = error
    while isinstance(getattr(inner, "reason", None), Exception) or (
        isinstance(inner.args, tuple) and inner.args and isinstance(inner.args[0], Exception)
    ):
        inner = inner.reason if isinstance(getattr(inner, "reason", None), Exception) else inner.args[0]
    return one_line(re.sub(r"^.*?object at 0x[0-9a-f]+>: ", "", str(inner)))
