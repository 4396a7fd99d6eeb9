"""A service that costs next to nothing: flights of a span of days in pages of JSON, which are made beforehand.

    pages.py FILE LAST SIZE      prints its port, and ends with its standard input

`/5/flights?from=DAY&until=DAY&page=N` has `count`, `next` (a URL or null) and `results`, and takes five milliseconds.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
import threading
from bisect import bisect_left
from contextlib import closing
from urllib.parse import parse_qsl

import msgspec


class Flights:
    """Every flight up to a day, as JSON, in the order of the days."""

    def __init__(self, file: str, last: str, size: int) -> None:
        self.size = size
        with closing(sqlite3.connect(file)) as connection:
            rows = connection.execute("SELECT * FROM flights WHERE date <= ? ORDER BY date", (last,))
            names = [column[0] for column in rows.description]
            found = [(row[0], msgspec.json.encode(dict(zip(names, row, strict=True)))) for row in rows]
        self.days = [day for day, _ in found]
        self.texts = [text for _, text in found]

    def page(self, start: str, until: str, number: int, path: str) -> bytes:
        first, end = bisect_left(self.days, start), bisect_left(self.days, until)
        begin = first + (number - 1) * self.size
        following = f'"{path}?from={start}&until={until}&page={number + 1}"'
        head = f'{{"count":{end - first},"next":{following if begin + self.size < end else "null"},"results":['
        return head.encode() + b",".join(self.texts[begin : min(begin + self.size, end)]) + b"]}"


class Connection(asyncio.Protocol):
    """One connection of HTTP/1.1 that is kept; every request is a GET."""

    def __init__(self, flights: Flights) -> None:
        self._flights = flights
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, self._received = self._received.partition(b"\r\n\r\n")
            line, *headers = head.decode().split("\r\n")
            path, _, query = line.split()[1].partition("?")
            asked = dict(parse_qsl(query))
            (host,) = (header[5:].strip() for header in headers if header.lower().startswith("host:"))
            url = f"http://{host}{path}"
            body = self._flights.page(asked["from"], asked["until"], int(asked.get("page", "1")), url)
            lines = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            delay = int(path.split("/")[1]) / 1000
            asyncio.get_running_loop().call_later(delay, self._transport.write, lines.encode() + body)


async def serve(flights: Flights) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Connection(flights), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def end_with_input() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=end_with_input, daemon=True).start()
    asyncio.run(serve(Flights(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
