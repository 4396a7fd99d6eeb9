"""The world of examples/monolith.ini: Google, a payment service, a marketplace, an archive and a cluster, by one clock.

What each source says of a day at an instant is a pure function of both (`visits`, `payments`, `installs`): a day fills
while it lasts, and some of it comes late. `World` shows it to the real services, and takes them away for some hours.
"""

from __future__ import annotations

import datetime as dt
import json
import random
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

from monolith_plugins_es.documents import document_id
from support.drf_service import CONSUMER, PaymentService
from support.elasticsearch_node import Node
from support.es_proxy import Answer, Asked, Cut, Forward, Proxy
from support.ga_emulator import Cut as GoogleCut
from support.ga_emulator import Emulator
from support.ga_property import Property, Refusal
from support.servers import MariaDB
from support.sql import execute

EXAMPLE = Path(__file__).parent.parent.parent / "examples/monolith.ini"
ZONE = ZoneInfo("Europe/Madrid")
HOUR = dt.timedelta(hours=1)
ONE_DAY = dt.timedelta(days=1)
PROPERTY = "123456789"

GOOGLE, SOLITUDE, MARKETPLACE = SOURCES = ("google-analytics", "solitude", "marketplace")
SERVICES = (*SOURCES, "elasticsearch", "storage")

Data = list[dict[str, Any]]
"""What a source has of a day."""


def midnight(day: dt.date) -> dt.datetime:
    """When a day begins; one day of the spring has 23 hours."""
    return dt.datetime.combine(day, dt.time(), ZONE)


def _spread(day: dt.date, count: int) -> list[dt.datetime]:
    """So many instants of a day, each a whole second."""
    length = (midnight(day + ONE_DAY).astimezone(dt.UTC) - midnight(day).astimezone(dt.UTC)).total_seconds()
    return [midnight(day).astimezone(dt.UTC) + dt.timedelta(seconds=length * n // count) for n in range(count)]


def _known(created: dt.datetime, day: dt.date, number: int) -> dt.datetime:
    """When a service has something that happened: every fifth comes late, in the middle of the next night."""
    return midnight(day + ONE_DAY) + 3 * HOUR if number % 5 == 4 else created


def visits(day: dt.date, now: dt.datetime) -> Data:
    """What Google says, which goes on counting for two days after the day is over."""
    hours = min((now - midnight(day)) // HOUR, 72)
    if hours <= 0:
        return []
    return [
        {
            "country": country,
            "deviceCategory": device,
            "sessions": hours + number,
            "engagedSessions": hours,
            "activeUsers": hours + day.day,
            "newUsers": day.day,
            "userEngagementDuration": 1.5 * hours,
        }
        for number, (country, device) in enumerate([("Spain", "desktop"), ("Spain", "mobile"), ("Peru", "mobile")])
    ]


def payments(day: dt.date, now: dt.datetime) -> Data:
    """What the payment service says."""
    dice = random.Random(f"payments {day}")
    rows = [
        {
            "id": str(uuid.UUID(int=dice.getrandbits(128), version=4)),
            "created": created.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "app": f"app{dice.randrange(3)}",
            "amount": f"{dice.randrange(1, 10_000) / 100:.2f}",
            "currency": dice.choice(["EUR", "USD"]),
            "known": _known(created, day, number),
        }
        for number, created in enumerate(_spread(day, 12))
    ]
    return [
        {name: value for name, value in row.items() if name != "known"}
        for row in rows
        if row["known"] <= now  # type: ignore[operator]
    ]


def sales(day: dt.date) -> Iterator[tuple[dt.datetime, dt.datetime, str, Decimal]]:
    """Each install of a day: when the marketplace knows of it, when it was, and what."""
    dice = random.Random(f"installs {day}")
    for number, created in enumerate(_spread(day, 15)):
        yield _known(created, day, number), created, f"app {dice.randrange(4)}", Decimal(dice.randrange(100, 999)) / 100


def installs(day: dt.date, now: dt.datetime) -> Data:
    """What the marketplace says."""
    return [{"app": app, "price": float(price)} for known, _, app, price in sales(day) if known <= now]


TRUTH: dict[str, Callable[[dt.date, dt.datetime], Data]] = {
    GOOGLE: visits,
    SOLITUDE: payments,
    MARKETPLACE: installs,
}


def sorted_data(data: Data) -> list[str]:
    """Data in one order, to be compared."""
    return sorted(json.dumps(each, sort_keys=True) for each in data)


class World:
    """Everything that the example needs. `at` moves the clock, `without` takes services away."""

    def __init__(self, folder: Path, since: dt.date, storage: MariaDB, shop: MariaDB, node: Node) -> None:
        self.since = since
        self.now = midnight(since)
        self.config = folder / "monolith.ini"
        self.storage, self.shop, self.node = storage, shop, node
        self.storage_url, self._shop_url = storage.url(), shop.url()
        self.google = Emulator({PROPERTY: Property(visits)}, clock=lambda: self.now)
        self.solitude = PaymentService()
        self.cluster = Proxy(node.url)
        self._shown: dict[dt.date, Data] = {}
        self._sold: set[tuple[dt.date, int]] = set()
        self._down: frozenset[str] = frozenset()
        self._asked = 0

    def __enter__(self) -> World:
        self.google.__enter__()
        self.solitude.__enter__()
        self.cluster.__enter__()
        execute(self._shop_url, "CREATE TABLE installs (created DATETIME, app VARCHAR(20), price DECIMAL(6, 2))")
        self._configure()
        return self

    def __exit__(self, *raised: Any) -> None:
        self._up(self._down)
        self.cluster.__exit__(*raised)
        self.solitude.__exit__(*raised)
        self.google.__exit__(*raised)

    def _configure(self) -> None:
        """Write the example with the places of these services."""
        text = EXAMPLE.read_text(encoding="utf-8")
        for documented, real in {
            "mysql://monolith:${DB_PASSWORD}@localhost/monolith": self.storage_url,
            "mysql://reader:${MARKETPLACE_PASSWORD}@mkt/marketplace": self._shop_url,
            "since = 2024-01-01": f"since = {self.since}",
            "credentials = %(here)s/google.json": f"endpoint = {self.google.url}",
            "https://solitude.example/": f"{self.solitude.url}/",
            "consumer-key = monolith": f"consumer-key = {CONSUMER[0]}",
            "${SOLITUDE_SECRET}": CONSUMER[1],
            "http://es/is/here": self.cluster.url,
        }.items():
            assert documented in text
            text = text.replace(documented, real)
        self.config.write_text(text, encoding="utf-8")

    # --- the clock and what fails

    def at(self, now: dt.datetime) -> None:
        """It is `now`: every service that is there has what it knows by then."""
        self.now = now
        if SOLITUDE not in self._down:
            self._show_payments()
        if MARKETPLACE not in self._down:
            self._sell()

    @property
    def days(self) -> list[dt.date]:
        """Every day there has been."""
        today = self.now.astimezone(ZONE).date()
        return [self.since + number * ONE_DAY for number in range((today - self.since).days + 1)]

    @contextmanager
    def without(self, *services: str) -> Iterator[None]:
        """Let services be away; those that were and are not named come back."""
        wanted = frozenset(services)
        assert wanted <= set(SERVICES)
        self._up(self._down - wanted)
        for name in wanted - self._down:
            self._take_away(name)
        self._down = wanted
        self.at(self.now)
        yield

    def _take_away(self, name: str) -> None:
        if name == GOOGLE:
            self.google.rule = self._google_fails
        elif name == "elasticsearch":
            self.cluster.rule = self._cluster_fails
        else:
            self._server(name).stop()

    def _up(self, names: frozenset[str]) -> None:
        for name in names:
            if name == GOOGLE:
                self.google.rule = lambda asked: None
            elif name == "elasticsearch":
                self.cluster.rule = lambda asked, forward: forward()
            else:
                self._server(name).start()

    def _server(self, name: str) -> PaymentService | MariaDB:
        return {SOLITUDE: self.solitude, MARKETPLACE: self.shop, "storage": self.storage}[name]  # type: ignore[return-value]

    def _google_fails(self, asked: Any) -> None:
        """A different fault in each hour."""
        if self.now.hour % 2:
            raise GoogleCut
        raise Refusal(503, "UNAVAILABLE", "The service is currently unavailable.")

    def _cluster_fails(self, asked: Asked, forward: Forward) -> Answer:
        if self.now.hour % 2:
            raise Cut
        return Answer(503, {"error": {"type": "master_not_discovered_exception", "reason": "none"}, "status": 503})

    # --- what the services have

    def _show_payments(self) -> None:
        by_utc_day: dict[dt.date, Data] = {}
        for day in self.days:
            for row in payments(day, self.now):
                by_utc_day.setdefault(dt.date.fromisoformat(row["created"][:10]), []).append(row)
        for utc_day, rows in by_utc_day.items():
            if self._shown.get(utc_day) != rows:
                self.solitude.put(utc_day, rows)
                self._shown[utc_day] = rows

    def _sell(self) -> None:
        new = [
            (key, f"('{created.astimezone(ZONE):%Y-%m-%d %H:%M:%S}', '{app}', {price})")
            for day in self.days
            for number, (known, created, app, price) in enumerate(sales(day))
            if known <= self.now and (key := (day, number)) not in self._sold
        ]
        if new:
            execute(self._shop_url, f"INSERT INTO installs VALUES {', '.join(values for _, values in new)}")
            self._sold.update(key for key, _ in new)

    # --- what was asked and what came of it

    def asked(self) -> dict[str, Counter[dt.date]]:
        """How often Google and the payment service were asked for each day since this was last called, and answered."""
        google = self.google.asked[self._asked :]
        self._asked += len(google)
        answered = (each for each in google if each.status == 200 and not int(each.body.get("offset", 0)))
        return {
            GOOGLE: Counter(day for each in answered for day in each.days),
            SOLITUDE: Counter() if SOLITUDE in self._down else _asked_payments(self.solitude.asked()),
        }

    def archive(self) -> dict[str, tuple[str, dt.date, str]]:
        """What the archive has, by the id that its document has: source, day, and data."""
        if not execute(self.storage_url, "SHOW TABLES LIKE 'record'"):
            return {}
        rows = execute(self.storage_url, "SELECT source, date, id, data FROM record")
        return {document_id(day, bytes(identity)): (source, day, data) for source, day, identity, data in rows}

    def index(self) -> dict[str, tuple[str, dt.date, str]]:
        """What the cluster has, likewise; the truth, whatever the proxy does."""
        found = {}
        for identity, document in self.node.documents("monolith").items():
            about, day = document.pop("monolith"), dt.date.fromisoformat(document.pop("date"))
            found[identity] = (about["source"], day, json.dumps(document, sort_keys=True))
        return found


def _asked_payments(lines: list[str]) -> Counter[dt.date]:
    found: Counter[dt.date] = Counter()
    for line in lines:
        _, target, status = line.split(" ")
        asked = {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()}
        if status in ("200", "304") and "created_after" in asked and "page" not in asked:
            start, end = (
                dt.datetime.fromisoformat(asked[name]).astimezone(ZONE).date()
                for name in ("created_after", "created_before")
            )
            found.update(start + number * ONE_DAY for number in range((end - start).days))
    return found
