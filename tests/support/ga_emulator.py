"""An emulator of the Google Analytics Data API at the wire, for the real client: HTTP with JSON, v1beta.

    with Emulator({"123456789": Property(facts)}, clock=lambda: now) as google:
        ...  # the section's options: property = 123456789, endpoint = google.url

- What is reported: `Property.facts(day, now)`, see `ga_property`. The clock is an argument and is asked at each
  request, so that days go on changing, and quotas come back, when the test says so. `google.properties` may be changed.
- Quotas: `google.quota` has limits by hour and day, and what a request costs; buckets are the clock's hours and days.
- Faults: `google.rule` is called with each request before it is answered, in the server's thread: it may give an answer
  in place of the emulator's, raise `Refusal` or `Cut`, or wait for something that the test holds.
- What was asked: `google.asked` has every request with its status, `google.answers(day)` how often a day was reported,
  `google.most_at_once` the most requests that were answered at the same time.
- Tokens: with `google.needs_token`, requests need one; `google.token_url` gives them to service accounts.

`python -m support.ga_emulator` runs one with made-up days until it is interrupted.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import re
import signal
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs

from support.ga_property import Json, Property, Refusal, days_of

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@dataclass
class Asked:
    """One request: the API's method (or `token`), the property's number, the body, and the status of its answer."""

    method: str
    number: str
    body: Json
    headers: Mapping[str, str] = field(default_factory=dict)
    at: dt.datetime = dt.datetime.min
    status: int = 0

    @property
    def days(self) -> list[dt.date]:
        """The days that a report is asked for; one row of a day, as `monolith check` asks for it, is no report."""
        is_report = self.method == "runReport" and int(self.body.get("limit", 0)) != 1
        return days_of(self.body) if is_report else []


@dataclass(frozen=True)
class Answer:
    """An answer; its body is JSON if it is not bytes."""

    status: int
    body: Any = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class Cut(Exception):
    """Raised by a rule: the connection is closed without an answer."""


Rule = Callable[[Asked], Answer | None]


@dataclass
class Quota:
    """Tokens by hour (of the property, and of the property and the project) and by day; what a report costs."""

    per_hour: int = 40_000
    per_project_and_hour: int = 14_000
    per_day: int = 200_000
    at_once: int = 10
    cost: Callable[[Json], int] = lambda answer: 1 + len(answer["rows"]) // 1000
    used: Counter[tuple[str, str]] = field(default_factory=Counter)

    def left(self, number: str, now: dt.datetime) -> dict[str, int]:
        """What is left, by the API's names."""
        hour, day = self.used[number, f"{now:%Y-%m-%d %H}"], self.used[number, f"{now:%Y-%m-%d}"]
        return {
            "tokensPerHour": self.per_hour - hour,
            "tokensPerProjectPerHour": self.per_project_and_hour - hour,
            "tokensPerDay": self.per_day - day,
        }

    def check(self, number: str, now: dt.datetime) -> None:
        """Refuse a request if nothing is left."""
        left = self.left(number, now)
        for name, text in (
            ("tokensPerDay", "per day. These quota tokens will return in under a day"),
            ("tokensPerHour", "per hour. These quota tokens will return in under an hour"),
            ("tokensPerProjectPerHour", "for a project per hour. These quota tokens will return in under an hour"),
        ):
            if left[name] <= 0:
                raise Refusal(429, "RESOURCE_EXHAUSTED", f"Exhausted property tokens {text}.")

    def take(self, number: str, now: dt.datetime, answer: Json) -> Json:
        """Take what an answer costs; its `propertyQuota`."""
        cost = self.cost(answer)
        for bucket in (f"{now:%Y-%m-%d %H}", f"{now:%Y-%m-%d}"):
            self.used[number, bucket] += cost
        told = {name: {"consumed": cost, "remaining": max(left, 0)} for name, left in self.left(number, now).items()}
        return {**told, "concurrentRequests": {"consumed": 0, "remaining": self.at_once}}


def utcnow() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class Emulator:
    """Google, on a free port of the loopback; use it as a context manager."""

    def __init__(
        self,
        properties: Mapping[str, Property],
        *,
        clock: Callable[[], dt.datetime] = utcnow,
        quota: Quota | None = None,
        rule: Rule = lambda asked: None,
    ) -> None:
        self.properties = dict(properties)
        self.clock = clock
        self.quota = quota or Quota()
        self.rule = rule
        self.needs_token = False
        self.asked: list[Asked] = []
        self.most_at_once = 0
        self.tokens: list[str] = []
        self._at_once = 0
        self._lock = threading.Lock()
        self._server = _Server(self)

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop()

    @property
    def url(self) -> str:
        """The option `endpoint`."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def token_url(self) -> str:
        """The `token_uri` of a service account."""
        return f"{self.url}/token"

    def reports(self) -> list[Asked]:
        """The reports that were asked for, each page."""
        return [each for each in self.asked if each.days]

    def answers(self, day: dt.date) -> int:
        """In how many reports that were answered a day was."""
        return sum(
            day in each.days and not int(each.body.get("offset", 0)) for each in self.reports() if each.status == 200
        )

    def answer(self, asked: Asked) -> Answer:
        """The answer to a request, whatever way it came; raises Cut."""
        asked.at = self.clock()
        with self._lock:
            self.asked.append(asked)
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            too_many = self._at_once > self.quota.at_once
        try:
            found = self._answered(asked, too_many=too_many)
        finally:
            with self._lock:
                self._at_once -= 1
        asked.status = found.status
        return found

    def _answered(self, asked: Asked, *, too_many: bool) -> Answer:
        try:
            if too_many:
                raise Refusal(429, "RESOURCE_EXHAUSTED", "Exhausted concurrent requests quota.")
            return self.rule(asked) or Answer(200, self._call(asked))
        except Refusal as error:
            return refusal(error)

    def _call(self, asked: Asked) -> Json:
        if asked.method == "token":
            return self._token(asked)
        self._authorize(asked)
        found = self._property(asked.number)
        if asked.method == "metadata":
            return found.metadata(asked.number)
        if asked.method == "checkCompatibility":
            return found.compatibility(asked.body)
        if asked.method != "runReport":
            raise Refusal(404, "NOT_FOUND", f"Method {asked.method} not found.")
        with self._lock:
            self.quota.check(asked.number, asked.at)
            answer = found.report(asked.body, asked.at)
            told = self.quota.take(asked.number, asked.at, answer)
        return {**answer, "propertyQuota": told} if asked.body.get("returnPropertyQuota") else answer

    def _property(self, number: str) -> Property:
        if number not in self.properties:
            raise Refusal(
                403,
                "PERMISSION_DENIED",
                "User does not have sufficient permissions for this property. To learn more about Property ID, see "
                "https://developers.google.com/analytics/devguides/reporting/data/v1/property-id.",
            )
        return self.properties[number]

    def _authorize(self, asked: Asked) -> None:
        given = asked.headers.get("authorization", "").removeprefix("Bearer ")
        if self.needs_token and given not in self.tokens:
            raise Refusal(
                401,
                "UNAUTHENTICATED",
                "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other "
                "valid authentication credential.",
            )

    def _token(self, asked: Asked) -> Json:
        """A token for a service account's assertion, or for a person's refresh token."""
        if asked.body.get("grant_type") == GRANT:
            claims = json.loads(_decoded(asked.body["assertion"].split(".")[1]))
            assert claims["scope"] == "https://www.googleapis.com/auth/analytics.readonly"
            assert claims["aud"] == "https://oauth2.googleapis.com/token"  # whatever its key names
        self.tokens.append(f"token-{len(self.tokens)}")
        return {"access_token": self.tokens[-1], "expires_in": 3600, "token_type": "Bearer"}


def refusal(error: Refusal) -> Answer:
    """The answer that is a refusal."""
    body = {"code": error.code, "message": error.message, "status": error.status, "details": [*error.details]}
    return Answer(error.code, {"error": body})


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, google: Emulator) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.google = google
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        self._answer({})

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path == "/token":
            self._answer({name: values[0] for name, values in parse_qs(content.decode()).items()})
        else:
            self._answer(json.loads(content))

    def log_message(self, format: str, *arguments: object) -> None:
        pass

    def _answer(self, body: Json) -> None:
        path = self.path.partition("?")[0]
        match = re.fullmatch(r"/v1beta/properties/(\d+)[:/](\w+)", path)
        number, method = (match[1], match[2]) if match else ("", path.strip("/"))
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            answer = self.server.google.answer(Asked(method, number, body, headers))
        except Cut:
            self.close_connection = True
            self.connection.close()
            return
        self._send(answer)

    def _send(self, answer: Answer) -> None:
        content = answer.content
        self.send_response(answer.status)
        for name, value in {"content-type": "application/json", **answer.headers}.items():
            self.send_header(name, value)
        if "content-length" in answer.headers:
            self.close_connection = True
        else:
            self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def made_up(day: dt.date, now: dt.datetime) -> list[dict[str, Any]]:
    """Some visits of a day; the last two days go on growing hour by hour."""
    hours = (now - dt.datetime.combine(day, dt.time(), dt.UTC)).total_seconds() // 3600
    if hours < 0:
        return []
    return [
        {
            "country": country,
            "deviceCategory": device,
            "pagePath": f"/{country.lower()}",
            "eventName": "page_view",
            "sessions": int(10 + number + min(hours, 72)),
            "activeUsers": int(5 + number + min(hours, 72)),
            "eventCount": int(30 + min(hours, 72)),
            "userEngagementDuration": 1.5 * min(hours, 72),
        }
        for number, (country, device) in enumerate(
            (country, device) for country in ("Spain", "France", "Peru") for device in ("desktop", "mobile")
        )
    ]


def main() -> None:
    """Run an emulator with made-up days until SIGINT or SIGTERM."""
    with Emulator({"123456789": Property(made_up)}) as google:
        print(f"property = 123456789\nendpoint = {google.url}", flush=True)
        signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    main()
