"""A local HTTP service that says what a test tells it to say, and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Asked:
    """One request: its path without the query, the query's parameters, the headers, the body."""

    method: str
    path: str
    query: dict[str, str]
    headers: Message = field(repr=False)
    body: bytes = b""


@dataclass(frozen=True)
class Reply:
    """One answer; a `body` that is neither bytes nor text is sent as JSON."""

    body: Any = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        """The body as it is sent."""
        if isinstance(self.body, bytes):
            return self.body
        return self.body.encode() if isinstance(self.body, str) else json.dumps(self.body).encode()


class Service:
    """Listens on a free port of 127.0.0.1 until it is closed; `asked` are the requests so far.

    A path that was told nothing answers 404. Use it as a context manager, or by the fixture `monolith_service`.
    """

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._replies: dict[str, Callable[[Asked], Reply]] = {}
        self._first: dict[str, deque[Reply]] = defaultdict(deque)
        self._over = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="service", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def says(self, path: str, body: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        """Answer a path so from now on; `body` may be a function of the request that gives the body or a `Reply`."""

        def reply(asked: Asked) -> Reply:
            said = body(asked) if callable(body) else body
            return said if isinstance(said, Reply) else Reply(said, status, headers or {})

        self._replies[path] = reply

    def says_first(self, path: str, *replies: Reply) -> None:
        """Answer a path so before it is answered as `says` told: each of `replies` once, such as an error."""
        self._first[path].extend(replies)

    def hangs(self, path: str) -> None:
        """Never answer a path, until the service is closed."""
        self._replies[path] = self._hang

    def reply(self, asked: Asked) -> Reply:
        """The answer to a request."""
        self.asked.append(asked)
        first = self._first[asked.path]
        if first:
            return first.popleft()
        reply = self._replies.get(asked.path)
        return reply(asked) if reply else Reply(f"nothing is known of {asked.path}", 404)

    def close(self) -> None:
        """Listen no more."""
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _hang(self, asked: Asked) -> Reply:
        self._over.wait()
        return Reply("closed", 503)


def _handler(service: Service) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            parts = urlsplit(self.path)
            query = dict(parse_qsl(parts.query, keep_blank_values=True))
            asked = Asked(self.command, parts.path, query, self.headers, self.rfile.read(length))
            try:
                self.send(service.reply(asked))
            except OSError:
                self.close_connection = True  # whoever asked did not wait

        def send(self, reply: Reply) -> None:
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if not {"content-length", "transfer-encoding"} & {name.lower() for name in reply.headers}:
                self.send_header("Content-Length", str(len(reply.content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(reply.content)

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = answer

        def log_message(self, format: str, *arguments: Any) -> None:
            """Say nothing on standard error."""

    return Handler
