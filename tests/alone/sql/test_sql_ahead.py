"""Reading ahead: the bytes are those of the socket in their order, however they come, and its errors are passed on."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monolith_plugins_sql.ahead import Ahead


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    left, right = socket.socketpair()
    with left, right:
        yield left, right


class Parts:
    """A socket that gives what it was given, a part at a time, and then ends."""

    def __init__(self, parts: list[bytes]) -> None:
        self._parts = iter(parts)

    def recv(self, size: int) -> bytes:
        return next(self._parts, b"")


@given(st.lists(st.binary(min_size=1, max_size=9), max_size=9), st.lists(st.integers(0, 20), max_size=9))
def test_reads_what_came_in_its_order(parts: list[bytes], sizes: list[int]):
    stream, whole = Ahead(Parts(parts)), b"".join(parts)
    for size in sizes:
        assert stream.read(size) == whole[:size]
        whole = whole[size:]
        assert whole.startswith(stream.data[stream.position :])


def test_shows_what_has_come(pair: tuple[socket.socket, socket.socket]):
    server, client = pair
    stream = Ahead(client)
    server.sendall(b"abcdef")
    assert stream.read(2) == b"ab"
    assert stream.data[stream.position :] == b"cdef"


def test_passes_on_that_the_socket_timed_out(pair: tuple[socket.socket, socket.socket]):
    _, client = pair
    client.settimeout(0.001)
    with pytest.raises(TimeoutError):
        Ahead(client).read(1)
