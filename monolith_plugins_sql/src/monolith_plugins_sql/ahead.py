"""Reading ahead: a stream of a PyMySQL connection that takes from the socket all that has come, and shows it."""

from __future__ import annotations

import socket
from typing import Any

_AT_ONCE = 256 * 1024
"""Bytes that are read at once, if they have come; PyMySQL's own stream reads 8 KB."""


class Ahead:
    """What has come and is not read yet is `data` from `position` on."""

    def __init__(self, connected: socket.socket) -> None:
        self.data = b""
        self.position = 0
        self._socket = connected

    def read(self, size: int) -> bytes:
        """So many bytes, fewer if the connection ends before; raises OSError as the socket does."""
        missing = size - len(self.data) + self.position
        if missing > 0:
            self._more(missing)
        start, self.position = self.position, min(self.position + size, len(self.data))
        return self.data[start : self.position]

    def _more(self, missing: int) -> None:
        parts = [self.data[self.position :]]
        while missing > 0 and (came := self._socket.recv(_AT_ONCE)):
            parts.append(came)
            missing -= len(came)
        self.data, self.position = b"".join(parts), 0

    def close(self) -> None:
        """PyMySQL closes its stream, and the socket by itself."""


def read_ahead(connection: Any) -> None:
    """Let a PyMySQL connection that has just been opened read ahead, if it has the parts for it."""
    stream, connected = getattr(connection, "_rfile", None), getattr(connection, "_sock", None)
    if stream is not None and connected is not None:
        connection._rfile = Ahead(connected)
        stream.close()
