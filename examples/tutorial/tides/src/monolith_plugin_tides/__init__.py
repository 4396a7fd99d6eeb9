"""Tides: a source that asks a service for the tides of a port."""

import datetime as dt
from collections.abc import Iterator
from typing import Annotated, Any

import httpx
from monolith_core import DATA, Note, PermanentError, Record, SecretStr, Source, SourceOptions, TemporaryError, Window


class TidesOptions(SourceOptions):
    """The options of its section."""

    url: str
    """The service, such as https://tides.example."""
    token: SecretStr
    """What the service knows us by."""
    port: Annotated[str, DATA] = "Santander"
    """The port whose tides are wanted."""


class Tides(Source):
    """A record for each high and low water."""

    Options = TidesOptions

    def extract(self, window: Window) -> Iterator[Record | Note]:
        """Yield the tides of the window's days, and say which days are only forecast."""
        for day in window.days():
            answer = self._ask("tides", {"port": self.options.port, "day": day.isoformat()})
            for tide in answer["tides"]:
                yield self._record(day, tide)
            if answer["forecast"]:
                yield Note(day, remark="forecast")

    def check(self) -> str:
        """Ask the service for its ports."""
        ports = self._ask("ports", {})
        if self.options.port not in ports:
            raise PermanentError(f"got port {self.options.port!r}, expected one of {', '.join(ports)}")
        return f"{len(ports)} ports"

    def _record(self, day: dt.date, tide: dict[str, Any]) -> Record:
        return Record(day, tide["kind"], {"port": self.options.port, "time": tide["time"], "metres": tide["metres"]})

    def _ask(self, path: str, query: dict[str, str]) -> Any:
        """The answer to a question; what goes wrong is an error that says whether to ask again."""
        headers = {"Authorization": f"Bearer {self.options.token.get_secret_value()}"}
        try:
            answer = httpx.get(
                f"{self.options.url}/{path}", params=query, headers=headers, timeout=self.options.timeout
            )
        except httpx.HTTPError as error:
            raise TemporaryError(f"{self.options.url} cannot be asked: {error}") from None
        if answer.status_code == 429 or answer.is_server_error:
            raise TemporaryError(f"{self.options.url} answered {answer.status_code}")
        if not answer.is_success:
            raise PermanentError(f"{self.options.url} answered {answer.status_code}: {answer.text[:200]}")
        return answer.json()
