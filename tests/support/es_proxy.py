"""An HTTP proxy on the loopback before a real node, which a test tells when to refuse, to cut and to wait."""

from __future__ import annotations

import http.client
import json
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Asked:
    """One request that passes the proxy."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def is_bulk(self) -> bool:
        return self.path.partition("?")[0].endswith("/_bulk")


@dataclass(frozen=True)
class Answer:
    """An answer; its body is JSON if it is not bytes."""

    status: int
    body: object = b""
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class Cut(Exception):
    """Raised by a rule: the connection is closed without an answer."""


Forward = Callable[[], Answer]
Rule = Callable[[Asked, Forward], Answer]


def plainly(asked: Asked, forward: Forward) -> Answer:
    """The rule that changes nothing."""
    return forward()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that is gone."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Proxy:
    """Passes each request through `rule`, which may forward it to the node; remembers what was asked."""

    def __init__(self, url: str, rule: Rule = plainly) -> None:
        self.rule = rule
        self.asked: list[Asked] = []
        self._to = urlsplit(url)
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                asked = Asked(self.command, self.path, dict(self.headers.items()), body)
                proxy.asked.append(asked)
                try:
                    answer = proxy.rule(asked, lambda: proxy.forward(asked))
                except (Cut, OSError):  # or the node is not there
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                headers = {"content-type": "application/json", "x-elastic-product": "Elasticsearch", **answer.headers}
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = handle_any

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def forward(self, asked: Asked) -> Answer:
        """The node's own answer."""
        connection = http.client.HTTPConnection(self._to.hostname or "", self._to.port, timeout=60)
        try:
            kept = {name: value for name, value in asked.headers.items() if name.lower() != "connection"}
            connection.request(asked.method, asked.path, asked.body, kept)
            answer = connection.getresponse()
            headers = {name: value for name, value in answer.headers.items() if name.lower() == "content-type"}
            return Answer(answer.status, answer.read(), headers)
        finally:
            connection.close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def forward_some(self, asked: Asked, wanted: Callable[[int], bool]) -> Answer:
        """The node's answer to those actions of a bulk request whose number is wanted; the others it never sees.

        They are refused as by a node whose queue is full.
        """
        actions = lines(asked.body)
        chosen = [wanted(number) for number in range(len(actions))]
        through = [pair for pair, go in zip(actions, chosen, strict=True) if go]
        done = iter(self._items(asked, through) if through else ())
        refused = {"status": 429, "error": {"type": "es_rejected_execution_exception", "reason": "full"}}
        items = [
            next(done) if go else {next(iter(action)): refused} for (action, _), go in zip(actions, chosen, strict=True)
        ]
        return Answer(200, {"errors": True, "items": items})

    def _items(self, asked: Asked, actions: list[tuple[dict[str, dict[str, str]], bytes]]) -> list[Any]:
        body = b"".join(json.dumps(action).encode() + b"\n" + (each and each + b"\n") for action, each in actions)
        headers = {name: value for name, value in asked.headers.items() if name.lower() != "content-length"}
        items: list[Any] = json.loads(self.forward(Asked(asked.method, asked.path, headers, body)).content)["items"]
        return items

    @property
    def bulks(self) -> list[Asked]:
        """The bulk requests that were sent."""
        return [asked for asked in self.asked if asked.is_bulk]


def lines(body: bytes) -> list[tuple[dict[str, dict[str, str]], bytes]]:
    """The actions of a bulk request with their documents."""
    found = []
    rest = iter(body.splitlines())
    for line in rest:
        action = json.loads(line)
        found.append((action, b"" if "delete" in action else next(rest)))
    return found
