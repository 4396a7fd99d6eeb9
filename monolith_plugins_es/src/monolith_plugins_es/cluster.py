"""Cluster: one connection to Elasticsearch through the official client, whose errors come out as monolith's."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec
from elasticsearch import Elasticsearch
from elasticsearch.exceptions import ElasticsearchWarning
from elasticsearch.serializer import JsonSerializer, NdjsonSerializer

from monolith_plugins_es.company import COMPANY
from monolith_plugins_es.failures import Unreachable, of_client
from monolith_plugins_es.options import ElasticsearchOptions

_JSON = {"accept": "application/json", "content-type": "application/json"}
_LINES = {"accept": "application/json", "content-type": "application/x-ndjson"}
_LONGEST_WAIT = 90.0
_NAMES = 12  # of 255 bytes in the 4,096 of a request's first line


class _Undecoded(JsonSerializer):
    """Leaves the answers as they are: whoever asks knows what is wanted of them, and some are large."""

    def loads(self, data: bytes) -> Any:
        return data


class _Written(NdjsonSerializer):
    """Takes the bodies of bulk requests as they are, without copying them."""

    def dumps(self, data: Any) -> bytes:
        assert isinstance(data, bytes)
        return data


class Cluster:
    """Answers requests; any thread may ask at any time. A node that does not answer is passed over for the next url."""

    def __init__(self, options: ElasticsearchOptions, log: logging.Logger) -> None:
        # Which node was passed over is of interest only if none is left, and that is an error.
        logging.getLogger("elastic_transport.node_pool").setLevel(logging.ERROR)
        # A cluster may say with each answer that it has no security, or that something will be deprecated.
        warnings.filterwarnings("ignore", category=ElasticsearchWarning)
        self._options = options
        self._closing = threading.Event()
        self._client = Elasticsearch(options.url, **_client_options(options))
        if not options.verify:
            log.warning("the certificate of %s is not verified, because verify is off", options.url[0])

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def stop_waiting(self) -> None:
        """Let no `wait` last any longer, because the target is being closed."""
        self._closing.set()

    def wait(self, seconds: float) -> bool:
        """Wait before something is asked again; True if it shall not be, because the target is being closed."""
        return self._closing.wait(seconds)

    def ask(self, method: str, path: str, body: Any = None, **details: Any) -> Any:
        """The answer to a request that may be repeated, whichever node gives it; for the details see `ask_once`."""
        for _ in self._options.url[1:]:
            try:
                return self.ask_once(method, path, body, **details)
            except Unreachable:
                continue
        return self.ask_once(method, path, body, **details)

    def ask_once(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        doing: str,
        shape: Any = Any,
        patience: float | None = None,
        **params: str,
    ) -> Any:
        """The answer of one node to a request with these parameters, decoded as a `shape` of msgspec's.

        `doing` is for its error: `write to metrics-2024-01`; `patience` are seconds, if not the usual ones. Raises a
        MonolithError that says what was not done and why.
        """
        headers: Mapping[str, str] = _LINES if isinstance(body, bytes) else _JSON
        client = self._client if patience is None else self._client.options(request_timeout=patience)
        try:
            answer = client.perform_request(method, path, params=params or None, headers=headers, body=body).body
            return msgspec.json.decode(answer, type=shape) if isinstance(answer, bytes) else answer
        except Exception as error:
            raise of_client(error, doing) from error


def _client_options(options: ElasticsearchOptions) -> dict[str, Any]:
    given: dict[str, Any] = {
        "serializers": {"application/json": _Undecoded(), "application/x-ndjson": _Written()},
        "max_retries": 0,
        "retry_on_status": (),
        "retry_on_timeout": False,
        "request_timeout": min(options.timeout / 2, _LONGEST_WAIT),
        "connections_per_node": options.jobs + COMPANY + 4,
    }
    if options.api_key is not None:
        given["api_key"] = options.api_key.get_secret_value()
    if options.user is not None and options.password is not None:
        given["basic_auth"] = (options.user, options.password.get_secret_value())
    if options.url[0].startswith("https:"):
        given |= _tls_options(options)
    return given


def _tls_options(options: ElasticsearchOptions) -> dict[str, Any]:
    if options.fingerprint is not None:
        return {"ssl_assert_fingerprint": options.fingerprint, "verify_certs": True}
    if not options.verify:
        return {"verify_certs": False, "ssl_show_warn": False}
    return {"ca_certs": str(options.ca)} if options.ca is not None else {}


def groups(indices: Sequence[str]) -> Iterator[Sequence[str]]:
    """The names of indices, as many at once as fit into the first line of a request."""
    for at in range(0, len(indices), _NAMES):
        yield indices[at : at + _NAMES]


def path_of(*parts: str) -> str:
    """A path of a request, its parts percent-encoded."""
    return "/" + "/".join(quote(part, safe="-_*,") for part in parts)
