"""Failures: what Elasticsearch and the network answer, in monolith's errors, each one line that says what to do."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from typing import Any

import elastic_transport
import elasticsearch
import msgspec

from monolith_core import ConfigurationError, MonolithError, PermanentError, TemporaryError

_TEMPORARY = frozenset({408, 429, 500, 502, 503, 504})
_FLOOD = "flood-stage"
_VERSION = re.compile(r"must be either version (\d+) or (\d+), but found (\d+)")
_LONGEST = 400

OLDEST = 8
"""The oldest major version of Elasticsearch's that there is a client for."""


class Unreachable(TemporaryError):
    """No answer came: the connection was refused, lost, or took too long."""


class Cut(Unreachable):
    """The connection was lost after the request was begun: it may be done, or the server found it too large."""


class Refused(PermanentError):
    """An answer that says no; `status` is HTTP's, `type` the name that Elasticsearch gives to the reason."""

    def __init__(self, message: str, *, status: int, type: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.type = type


class TooLarge(PermanentError):
    """The server takes no request as large as this one."""


def client_version() -> str:
    """The version of the client that is installed."""
    return ".".join(map(str, elasticsearch.__version__))


def reason_of(error: Any) -> str:
    """The reason of Elasticsearch's error object with its deepest cause, in one line."""
    if not isinstance(error, Mapping):
        return one_line(re.sub(r"<[^>]*>", " ", str(error)))  # a proxy's page of HTML
    reason, cause = str(error.get("reason") or error.get("type") or ""), error
    while isinstance(cause.get("caused_by"), Mapping):
        cause = cause["caused_by"]
    deepest = str(cause.get("reason") or "")
    return one_line(reason if deepest in reason else f"{reason}: {deepest}")


def one_line(text: str) -> str:
    """A text in one line, without the excerpt of the document that parsers add, and not too long."""
    line = " ".join(re.sub(r"\n at \[Source:.*", "", text, flags=re.DOTALL).split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..."


def refusal(status: int, error: Any, doing: str, retry_after: float | None = None) -> MonolithError:
    """The error for an answer with an error status; `doing` says what was asked: `write to metrics-2024-01`."""
    kind = error.get("type", "") if isinstance(error, Mapping) else ""
    reason = reason_of(error)
    if kind == "cluster_block_exception" and status in (403, 429):
        return _blocked(reason, doing)
    if status in _TEMPORARY:
        return TemporaryError(f"Elasticsearch cannot {doing} now ({status}): {reason}", retry_after=retry_after)
    if status == 401:
        return Refused(
            f"Elasticsearch does not accept the user and password, or the API key: {reason}; "
            "set or correct user and password, or api-key",
            status=401,
        )
    if status == 403:
        return Refused(f"may not {doing}: {reason}; give the user or the API key this right", status=403, type=kind)
    mismatch = _VERSION.search(reason)
    if mismatch is not None:
        return wrong_client(mismatch[1])
    hint = _hint(status, reason, is_own=isinstance(error, Mapping))
    return Refused(f"cannot {doing}, Elasticsearch answers {status}: {reason}{hint}", status=status, type=kind)


def _hint(status: int, reason: str, *, is_own: bool) -> str:
    """What may be wrong; an answer that is not Elasticsearch's own comes from a server before it."""
    if "no handler found for uri" in reason or (status == 404 and not is_own):
        return "; is the path in url right?"
    return "; write url = https://..." if "HTTPS port" in reason and not is_own else ""


def wrong_client(major: str) -> PermanentError:
    """The error for a server of a major version that the client does not talk to."""
    if int(major) < OLDEST:
        return PermanentError(f"the server is Elasticsearch {major}; {OLDEST}.19 is the oldest that can be used")
    return PermanentError(
        f"the server is Elasticsearch {major} and the client elasticsearch {client_version()} does not talk to it; "
        f"pip install 'elasticsearch>={'8.19,<9' if major == '8' else f'{major},<{int(major) + 1}'}'"
    )


def _blocked(reason: str, doing: str) -> PermanentError:
    if _FLOOD in reason:
        return PermanentError(
            f"cannot {doing}: the index is read-only, because a disk passed the flood-stage watermark; make room on "
            "it, or add a node; Elasticsearch then lifts the block by itself"
        )
    return PermanentError(f"cannot {doing}: {reason} lift the block (PUT INDEX/_settings), or wait for who set it")


def of_client(error: Exception, doing: str) -> MonolithError:
    """The error for an exception of the client's."""
    if isinstance(error, elasticsearch.UnsupportedProductError):
        return PermanentError("the server is not Elasticsearch, or something before it removes the header of its name")
    if isinstance(error, elasticsearch.ApiError):
        return of_answer(error.meta, error.body, doing)
    if isinstance(error, elastic_transport.TlsError):
        return PermanentError(f"no TLS connection: {_tls_reason(error)}")
    if isinstance(error, elastic_transport.ConnectionTimeout):
        return Unreachable(f"Elasticsearch did not answer in time ({doing})")
    if isinstance(error, elastic_transport.ConnectionError):
        reason = f"no connection to Elasticsearch: {one_line(str(error.message))}"
        return Unreachable(reason) if "establish" in reason else Cut(reason)
    if isinstance(error, elastic_transport.SerializationError | msgspec.MsgspecError):
        return TemporaryError(f"the answer is not one of Elasticsearch's ({doing}): {one_line(str(error))}")
    if isinstance(error, elastic_transport.TransportError | ValueError | ssl.SSLError):
        return ConfigurationError(f"the client cannot be used: {one_line(str(error))}")
    raise error


def of_answer(meta: elastic_transport.ApiResponseMeta, body: Any, doing: str) -> MonolithError:
    """The error for an answer whose status is one of errors."""
    error = _decoded(body)
    if meta.status == 413:
        return TooLarge(f"Elasticsearch takes no request of this size ({doing})")
    return refusal(meta.status, error, doing, wait_asked(meta))


def _decoded(body: Any) -> Any:
    """Elasticsearch's error object, or what a server before it says."""
    if isinstance(body, bytes):
        try:
            body = msgspec.json.decode(body)
        except msgspec.MsgspecError:
            body = body.decode(errors="replace")
    return body.get("error", body) if isinstance(body, Mapping) else (body or "no reason given")


def wait_asked(meta: elastic_transport.ApiResponseMeta) -> float | None:
    """The seconds of `Retry-After`, if the answer has it as a number."""
    text = str(meta.headers.get("retry-after", ""))
    return float(text) if re.fullmatch(r"\d{1,9}", text) else None


def _tls_reason(error: elastic_transport.TlsError) -> str:
    text = one_line(str(error.message))
    if "CERTIFICATE_VERIFY_FAILED" in text or "certificate verify failed" in text:
        why = re.search(r"certificate verify failed: ([^()]+)", text)
        return (
            f"the certificate is not trusted ({why[1].strip() if why else 'unknown authority'}); set ca or fingerprint"
        )
    if "WRONG_VERSION_NUMBER" in text:
        return "the server does not speak TLS at this port; write url = http://..., or correct the port"
    if "ingerprint" in text:
        return "the certificate does not have the fingerprint that is configured; correct fingerprint"
    return text
