"""A payment service made with Django REST framework, in a process of its own.

`PaymentService` starts it and keeps its books: transactions by day, faults, and what it was asked. Its
addresses, all of which take `created_after` and `created_before` (a day or an instant) or `day`, in the query or, by
POST, in a body of JSON or a form, and what says which page is wanted also in the object `paging` of the JSON:

    /page/transactions/     pages by number: `page`, `page_size`; `count`, `next`, `results`
    /offset/transactions/   pages by `offset` and `limit`
    /cursor/transactions/   pages by a cursor in the URL `next`
    /opaque/transactions/   pages by a cursor that the answer has in `meta.next_cursor`, with `has_more`
    /oauth1/transactions/   as /page/, signed by the consumer `CONSUMER` (two-legged, HMAC-SHA1)
    /oauth2/transactions/   as /page/, for tokens of /oauth2/token/ (client credentials)
    /basic/transactions/    as /page/, for a user with a password; a DELETE with `day` removes the day
"""

from __future__ import annotations

import datetime as dt
import json
import random
import subprocess
import sys
import tempfile
import urllib.request
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

CONSUMER = ("monolith", "s3cret/of=solitude")
CLIENT = ("monolith-client", "s3cret/of=oauth2")
USER = ("monolith", "p4ss:w/ord")
PAGE_SIZE = 10


class PaymentService:
    """The service; it is there within the block, its transactions as long as the object."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="payments-", ignore_cleanup_errors=True)
        self._process: subprocess.Popen[str] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._folder.cleanup()

    def start(self) -> None:
        """Start it, at the port it had before."""
        log = (Path(self._folder.name) / "log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "support.drf_program", self._folder.name, str(self.port)],
                cwd=Path(__file__).parent.parent,
                stdin=subprocess.PIPE,  # its end ends the service
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self.stop()
            raise RuntimeError(f"the service does not start: {(Path(self._folder.name) / 'log').read_text()}")
        self.port = int(line)

    def stop(self) -> None:
        """End it at once."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

    def put(self, day: dt.date, rows: Iterable[Mapping[str, Any]]) -> None:
        """Make these the transactions of a day: `id` (a UUID), `created` (an instant), `app`, `amount`, `currency`."""
        given = [{**row, "created": str(row["created"]), "amount": str(row["amount"])} for row in rows]
        self._tell({"day": str(day), "rows": given})

    def fail(self, status: int, times: int = 1, **headers: str) -> None:
        """Answer the next requests with an error status; a status of 0 cuts the answer in the middle."""
        self._tell({"fail": status, "times": times, "headers": headers})

    def withdraw_tokens(self) -> None:
        """Take no token of OAuth 2 that was given until now."""
        self._tell({"withdraw": True})

    def recover(self) -> None:
        """Fail no more."""
        self._tell({"fail": 0, "times": 0})

    def asked(self) -> list[str]:
        """The requests that came since this was last called: `GET /page/transactions/?day=2024-01-31 200`."""
        found: list[str] = self._tell({"asked": True})["asked"]
        return found

    def _tell(self, what: dict[str, Any]) -> Any:
        request = urllib.request.Request(f"{self.url}/control/", json.dumps(what).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)


def transactions(day: dt.date, count: int, *, apps: int = 3) -> list[dict[str, Any]]:
    """So many transactions of a day, the same ones every time."""
    dice = random.Random(day.toordinal())
    midnight = dt.datetime.combine(day, dt.time(), dt.UTC)
    return [
        {
            "id": str(uuid.UUID(int=dice.getrandbits(128), version=4)),
            "created": (midnight + dt.timedelta(seconds=86399 * number // max(count, 1))).isoformat(),
            "app": f"app{dice.randrange(apps)}",
            "amount": f"{dice.randrange(1, 10_000) / 100:.2f}",
            "currency": dice.choice(["EUR", "USD"]),
        }
        for number in range(count)
    ]
