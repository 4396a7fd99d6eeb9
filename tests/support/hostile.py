"""A server of HTTP that says exactly the bytes it is told to say, however wrong: nothing sets them right."""

from __future__ import annotations

import json
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qs, urlsplit


class Asked(NamedTuple):
    """One request."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def params(self) -> dict[str, str]:
        return {name: values[-1] for name, values in parse_qs(urlsplit(self.target).query).items()}


Reply = bytes | Iterable[bytes]
"""All that is sent; then, unless it says rightly how long it is, the connection is closed."""


class Hostile:
    """Answers each request with what `reply` makes of it; `asked` has them all. `tls` serves over TLS."""

    def __init__(self, reply: Callable[[Asked], Reply], tls: ssl.SSLContext | None = None) -> None:
        self.reply = reply
        self.asked: list[Asked] = []
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        scheme, host = ("https", "localhost") if tls else ("http", "127.0.0.1")
        self.url = f"{scheme}://{host}:{self._listener.getsockname()[1]}"
        self._threads: list[threading.Thread] = []
        self._connections: set[socket.socket] = set()

    def __enter__(self) -> Self:
        self._start(self._listen)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in (self._listener, *self._connections):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join(10)

    def _start(self, call: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=call, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _listen(self) -> None:
        with suppress(OSError):  # it is closed
            while True:
                connection, _ = self._listener.accept()
                self._connections.add(connection)
                self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError, ValueError), connection:  # the other side is gone, or this one is closed
            plain = self._tls.wrap_socket(connection, server_side=True) if self._tls else connection
            with plain, plain.makefile("rb") as stream:
                while asked := _read(stream):
                    self.asked.append(asked)
                    reply = self.reply(asked)
                    for piece in [reply] if isinstance(reply, bytes) else reply:
                        plain.sendall(piece)
                    if not (isinstance(reply, bytes) and _says_its_length(reply)):
                        return


def _says_its_length(reply: bytes) -> bool:
    head, _, body = reply.partition(b"\r\n\r\n")
    return f"content-length: {len(body)}\r\n".encode() in head.lower() + b"\r\n"


def _read(stream: Any) -> Asked | None:
    line = stream.readline()
    if not line:
        return None
    headers: dict[str, str] = {}
    while (each := stream.readline()) not in (b"\r\n", b""):
        name, _, value = each.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    method, target, _ = line.decode("latin-1").split()
    return Asked(method, target, headers, stream.read(int(headers.get("content-length", 0))))


def answer(body: bytes = b"", status: int = 200, *, length: bool = True, **headers: str) -> bytes:
    """An answer of HTTP; `content_type="text/html"` is a header."""
    given = {"content_type": "application/json", **headers}
    if length:
        given["content_length"] = str(len(body))
    lines = [f"{re.sub('_', '-', name).title()}: {value}" for name, value in given.items()]
    return f"HTTP/1.1 {status} Said\r\n".encode() + "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def json_answer(value: Any, status: int = 200, **headers: str) -> bytes:
    return answer(json.dumps(value).encode(), status, **headers)
