"""The plan of a copied archive: that the database compares the ledger's rows changes nothing of what is due."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeVar, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monolith_core.config import load_config
from monolith_core.days import DayRange
from monolith_core.events import State
from monolith_core.partition import Digest, Partition, Window
from monolith_core.runner import Request
from monolith_core.runner.planning import Planner, SourcePlan, fingerprint, held
from monolith_core.storage import Held, LedgerRow, Storage

T = TypeVar("T")

FIRST = dt.date(2024, 2, 27)
NOW = dt.datetime(2024, 3, 3, 12, tzinfo=dt.UTC)
MARKS = {"copy": "the present one", "second": "its own"}
CONFIGURATION = """\
[monolith]
database = {url}
sequence = extract, load
{limit}

[phase:load]
sources = archive
targets = copy, second

[phase:extract]
sources = ga
targets = {writers}

[source:ga]
use = sql
query = SELECT 1 AS date

[source:archive]
use = sql
"""
COPIES = """
[target:{name}]
use = sql
database = sqlite:///%(here)s/{name}.sqlite
"""


class Archive:
    """A source that offers what the storage's targets hold, as it was told, or copied out."""

    def __init__(self, told: Held | Mapping[Partition, Digest] | None) -> None:
        self.told = told

    def partitions(self, window: Window | None) -> Mapping[Partition, Digest] | None:
        return self.told


days = st.integers(0, 5).map(lambda number: FIRST + dt.timedelta(days=number))
digests = st.sampled_from([None, Digest(), Digest(1, 2, 3), Digest(1, 2, 4), Digest(1, 3, 3), Digest(2, 2, 3)])
sources = st.sampled_from(["ga", "Ga", "other"])
states = st.sampled_from(get_args(State))


@st.composite
def rows(draw: st.DrawFn, marks: Mapping[str, str]) -> list[LedgerRow]:
    """Rows of the archive and of its copies; one differs from what is archived in one way, if at all, or in every."""
    found = []
    for source, day in draw(st.lists(st.tuples(sources, days), min_size=1, max_size=12, unique=True)):
        archived = draw(digests)
        for target in ("archive", "old-archive", *marks):
            way = draw(st.sampled_from(["none", "none", "absence", "digest", "state", "mark", "via", "every"]))
            if way == "absence":
                continue

            def other(what: str, usual: T, others: st.SearchStrategy[T], way: str = way) -> T:
                return draw(others) if way in (what, "every") else usual

            found.append(
                LedgerRow(
                    target,
                    source,
                    day,
                    other("via", "archive", sources),
                    other("state", "done", states),
                    other("digest", archived, digests),
                    other("mark", marks.get(target, ""), st.just("former")),
                    draw(st.integers(-90_000, 90_000)),
                    NOW,
                    NOW,
                    "r",
                )
            )
    return found


requests = st.builds(
    Request,
    days=st.none() | st.builds(lambda a, b: DayRange(min(a, b), max(a, b)), days, days),
    sources=st.none() | st.frozensets(st.sampled_from(["archive", "ga", "Ga"]), min_size=1),
    force=st.sampled_from([False, False, False, True]),
)


@pytest.fixture
def storage(database_url: str) -> Iterator[Storage]:
    opened = Storage.open(database_url)
    yield opened
    opened.close()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    data=st.data(),
    request=requests,
    limit=st.sampled_from(["", f"since = {FIRST + dt.timedelta(days=1)}", f"until = {FIRST + dt.timedelta(days=3)}"]),
    writers=st.sampled_from([["archive"], ["archive"], ["archive", "old-archive"]]),
)
def test_it_is_the_same_as_from_all_rows(
    storage: Storage,
    database_url: str,
    tmp_path: Path,
    data: st.DataObject,
    request: Request,
    limit: str,
    writers: list[str],
) -> None:
    path = tmp_path / "monolith.ini"
    text = CONFIGURATION.format(url=database_url, limit=limit, writers=", ".join(writers))
    path.write_text(
        text
        + "".join(f"[target:{name}]\nuse = sql\n" for name in writers)
        + "".join(COPIES.format(name=name) for name in MARKS)
    )
    config = load_config(path)
    archive = config.sources["archive"]
    marks = {name: fingerprint(archive, config.targets[name]) for name in MARKS}
    with storage.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM ledger")
    storage.ledger.put(data.draw(rows(marks)))
    planner = Planner(config, config.phases["load"], storage, request, NOW)
    limits = planner._limits(archive)
    told = held(config, archive, storage, Window("archive", limits.start, limits.end) if limits else None)
    assert isinstance(told, Held)
    short, whole = planner.plan(archive, Archive(told)), planner.plan(archive, Archive(dict(told)))
    assert (short.due, short.windows) == (whole.due, whole.windows)
    assert offers(short) == offers(whole)


def offers(plan: SourcePlan) -> dict[Partition, Digest | None]:
    """What is offered of that which is due."""
    assert plan.offered is not None
    return {each.partition: plan.offered.get(each.partition) for each in plan.due}
