"""Notes: what a source says about a whole day, from the stage to the ledger, the report and `monolith status`."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from support.engine import NOW, Shelf, Table, TableSource, config_of, digest_of, go, section, source_of, target_of
from support.scripted import Job, make_job

from monolith_core import keep as keeping
from monolith_core import retry
from monolith_core.cli.main import main as monolith
from monolith_core.config import Config
from monolith_core.errors import PermanentError, RecordError, StrayRecord, TemporaryError
from monolith_core.note import Note
from monolith_core.partition import Partition, Window
from monolith_core.plugin import Source
from monolith_core.record import Record
from monolith_core.runner import Request, plan
from monolith_core.stage import Stage
from monolith_core.storage import LedgerRow, Storage

DAY = dt.date(2024, 3, 9)
WINDOW = Window("src", DAY, dt.date(2024, 3, 10))
LATER = NOW + dt.timedelta(days=3)


def day(number: int) -> dt.date:
    return dt.date(2024, 3, number)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "_backoff", lambda state: 0.0)


# --- in the stage


def notes_of(*answer: Any, known: str = "v") -> Stage:
    """A stage that has taken an answer, of which the version `known` is known."""
    with Stage("src", WINDOW, known=lambda day: known) as stage:
        stage.fill(answer)
        stage.check()
        return stage


notes = st.builds(Note, st.just(DAY), st.sampled_from(["", "a", "b"]), st.sampled_from(["", "1", "2"]), st.booleans())


@given(st.lists(notes, max_size=5))
def test_a_later_note_of_a_day_adds_to_the_earlier(given_notes: list[Note]) -> None:
    said = notes_of(*given_notes).notes.of(DAY)
    assert said.remark == next((note.remark for note in reversed(given_notes) if note.remark), "")
    assert said.version == next((note.version for note in reversed(given_notes) if note.version), "")
    assert said.unchanged == any(note.unchanged for note in given_notes)


def test_notes_are_no_records() -> None:
    stage = notes_of(Note(DAY, "why"), Record(DAY, "x", {}), Note(day(10)))
    assert (stage.stamp, stage.records, stage.notes.of(day(10))) == (3, 1, Note(day(10)))


@pytest.mark.parametrize(
    ("note", "error", "text"),
    [
        (Note(day(8)), StrayRecord, "date: 2024-03-08 is outside of the days asked for"),
        (Note(NOW), RecordError, "date: expected a datetime.date, got datetime"),  # type: ignore[arg-type]
        (Note(DAY, remark=None), RecordError, "remark: expected a text, got NoneType"),  # type: ignore[arg-type]
        (Note(DAY, version=7), RecordError, "version: expected a text, got int"),  # type: ignore[arg-type]
        (Note(DAY, unchanged=1), RecordError, "unchanged: expected True or False, got int"),  # type: ignore[arg-type]
        (Note(DAY, version="x" * 256), RecordError, "version: has 256 characters, expected at most 255; hash it"),
        (Note(DAY, version="a\0b"), RecordError, "version: expected printable text"),
        (Note(DAY, version="a "), RecordError, "version: expected printable text"),
        (Note(DAY, version="\udc80"), RecordError, "version: expected printable text"),
    ],
)
def test_a_note_that_cannot_be_kept(note: Note, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as raised:
        notes_of(note)
    assert str(raised.value).startswith(text)


def test_unchanged_where_no_version_is_known() -> None:
    with pytest.raises(PermanentError, match=r"^src said that 2024-03-09 is unchanged, but no version of it is known"):
        notes_of(Note(DAY, unchanged=True), known="")


@pytest.mark.parametrize("source", [None, "another"])
@pytest.mark.parametrize("first", ["note", "record"])
def test_unchanged_with_records(first: str, source: str | None) -> None:
    answer = [Note(DAY, unchanged=True), Record(DAY, "x", {}, source=source)]
    with pytest.raises(PermanentError, match=r"^src said that 2024-03-09 is unchanged, and yielded records of it"):
        notes_of(*(answer if first == "note" else reversed(answer)))


def test_a_stage_that_was_given_up_takes_no_notes() -> None:
    stage = notes_of()
    with pytest.raises(RuntimeError, match="given up"):
        stage.add(Note(DAY))  # type: ignore[arg-type]


# --- in a run


class Saying(TableSource):
    """Says of each day what `says` has; where it knows `current`, that the day is unchanged."""

    says: dict[dt.date, Note]
    current: dict[dt.date, str]
    knew: list[tuple[int, str]]

    def extract(self, window: Window) -> Any:
        self.table.asked.append(window)
        for at in window.days():
            known = self.context.known(at)
            self.knew.append((at.day, known))
            if known and known == self.current.get(at):
                yield Note(at, unchanged=True)
                continue
            self.table.each(at)
            for data in self.table.days.get(at, []):
                yield Record(at, "fact", data)
            yield Note(at, version=self.current.get(at, ""))
            if at in self.says:
                yield self.says[at]


class Telling(Saying):
    """Tells its versions to the plan too."""

    told: list[Window]

    def versions(self, window: Window) -> dict[dt.date, str]:
        self.told.append(window)
        return self.current


class Stand:
    """A source of three days with versions, and a target; `run` runs them."""

    def __init__(self, url: str, kind: type[Saying]) -> None:
        self.url = url
        self.table = Table({day(number): [{"n": n} for n in range(4)] for number in (8, 9, 10)})
        self.shelf = Shelf()
        facts = {"says": {}, "current": {at: f"v{at.day}" for at in self.table.days}, "knew": [], "told": []}
        self.kind: Any = type("Said", (source_of(self.table, kind),), facts)
        self.targets: dict[str, type] = {"shelf": target_of(self.shelf)}
        self.options: dict[str, Any] = {"since": day(8), "until": day(10), "span": 2, "settle": "2d"}

    def config(self) -> Config:
        sources = {"src": section("source", "src", self.kind, **self.options)}
        return config_of(
            self.url, sources, {name: section("target", name, plugin) for name, plugin in self.targets.items()}
        )

    async def run(self, now: dt.datetime = NOW, **request: Any) -> Any:
        """A run; what was known before is forgotten."""
        self.kind.knew.clear(), self.kind.told.clear(), self.table.asked.clear(), self.shelf.calls.clear()
        return await go(self.config(), now=now, **request)

    def rows(self, target: str = "shelf") -> list[LedgerRow]:
        storage = Storage.open(self.url)
        try:
            return storage.ledger.rows(targets=[target])
        finally:
            storage.close()

    def put(self, row: LedgerRow) -> None:
        storage = Storage.open(self.url)
        storage.ledger.put([row])
        storage.close()

    def said(self, target: str = "shelf") -> list[str]:
        """`day state version remark` of each row."""
        return [f"{row.date.day} {row.state} {row.version} {row.remark}".strip() for row in self.rows(target)]


def refusing(which: str) -> Callable[[Partition], None]:
    """What a target does before it writes: it refuses one partition."""

    def refuse(partition: Partition) -> None:
        if str(partition) == which:
            raise PermanentError("disk full")

    return refuse


@pytest.fixture
def saying(sqlite_url: str) -> Stand:
    return Stand(sqlite_url, Saying)


@pytest.fixture
def telling(sqlite_url: str) -> Stand:
    return Stand(sqlite_url, Telling)


async def test_remarks_and_versions_are_kept_and_told(database_url: str) -> None:
    """The storage is the point here: the same on all three databases."""
    stand = Stand(database_url, Saying)
    remark = "sampled: 40 % of the évents"
    stand.kind.says = {day(9): Note(day(9), remark)}
    told = await stand.run()
    assert stand.said() == ["8 done v8", f"9 done v9 {remark}", "10 done v10"]
    assert [(each.partition.date.day, each.remark) for each in told.finished] == [(10, ""), (9, remark), (8, "")]
    assert [(each["date"], each["outcome"], each["remark"]) for each in told.report.as_dict()["partitions"]] == [
        ("2024-03-09", "done", remark)
    ]
    storage = Storage.open(database_url)
    assert [row.remark for row in storage.ledger.remarked()] == [remark]
    assert storage.ledger.remarked(start=day(10)) == []
    storage.ledger.confirm("shelf", "src", {day(9): 777}, LATER)
    (row,) = storage.ledger.remarked()
    assert (row.age, row.asked, row.version, row.digest) == (777, LATER, "v9", stand.rows()[1].digest)
    glanced = storage.ledger.glance("shelf", "src", day(9), day(9))
    assert [each.version for each in glanced.values()] == ["v9"]
    storage.close()


async def test_an_answer_without_a_remark_clears_it(saying: Stand) -> None:
    saying.kind.says = {day(10): Note(day(10), "sampled")}
    await saying.run()
    saying.kind.says = {}
    saying.kind.current[day(10)] = "v10b"
    told = await saying.run()
    assert told.outcomes() == ["10 unchanged", "9 unchanged", "8 unchanged"]
    assert saying.said()[-1] == "10 done v10b"


async def test_a_day_that_is_unchanged_is_only_marked_as_asked(saying: Stand) -> None:
    saying.kind.says = {day(10): Note(day(10), "sampled")}
    await saying.run()
    before = saying.rows()
    held = saying.shelf.counts()
    told = await saying.run(now=LATER)
    assert sorted(saying.kind.knew) == [(8, "v8"), (9, "v9"), (10, "v10")]
    assert [(each.partition.date.day, each.outcome, each.remark, each.digest.count) for each in told.finished] == [
        (10, "unchanged", "sampled", 4),
        (9, "unchanged", "", 4),
        (8, "unchanged", "", 4),
    ]
    assert saying.shelf.counts() == held
    after = saying.rows()
    assert after == [replace(row, asked=LATER, age=row.age + 3 * 86400, run=after[0].run) for row in before]
    await saying.run(now=LATER)
    assert saying.kind.knew == []  # they are final by now


async def test_a_retry_throws_notes_away(saying: Stand) -> None:
    saying.options["span"] = 3
    saying.kind.says = {day(10): Note(day(10), "of the first answer")}
    failures = [day(10), day(9)]

    def fail_once(at: dt.date) -> None:
        if failures and at == failures[-1]:
            failures.pop()
            saying.kind.says = {}
            raise TemporaryError("not now")

    saying.table.each = fail_once
    await saying.run()
    assert failures == []
    assert saying.said() == ["8 done v8", "9 done v9", "10 done v10"]


async def test_notes_of_a_window_that_is_divided(saying: Stand) -> None:
    saying.options["span"] = 3
    saying.table.days[day(9)] = [{"n": float("nan")}]
    saying.kind.says = {at: Note(at, f"of {at.day}") for at in saying.table.days}
    told = await saying.run()
    assert told.outcomes() == ["10 done", "9 failed", "8 done"]
    assert saying.said() == ["8 done v8 of 8", "9 failed", "10 done v10 of 10"]


@pytest.mark.parametrize("wrong", [Note(day(9), version="x" * 300), Note(day(9), remark=7)])  # type: ignore[arg-type]
async def test_a_wrong_note_fails_its_day_only(saying: Stand, wrong: Note) -> None:
    saying.options["span"] = 3
    saying.kind.says = {day(9): wrong}
    assert (await saying.run()).outcomes() == ["10 done", "9 failed", "8 done"]


async def test_a_day_that_is_deferred_is_left_for_a_later_run_and_holds_up_no_other(saying: Stand) -> None:
    saying.kind.says = {day(9): Note(day(9), deferred="no file yet")}
    rows = saying.table.days.pop(day(9))
    told = await saying.run()
    assert told.outcomes() == ["10 done", "9 deferred", "8 done"]
    assert [each.error for each in told.finished] == ["", "no file yet", ""]
    assert (told.report.status, saying.rows()[1].error) == ("ok", "no file yet")
    assert saying.shelf.counts() == {"src 2024-03-08": 4, "src 2024-03-10": 4}
    saying.kind.says, saying.table.days[day(9)] = {}, rows
    later = await saying.run(LATER)
    assert "9 done" in later.outcomes()
    assert saying.said()[1] == "9 done v9"


async def test_a_day_that_is_deferred_keeps_what_it_was(saying: Stand) -> None:
    await saying.run()
    saying.kind.says = {day(9): Note(day(9), deferred="no file any more")}
    saying.table.days.pop(day(9))
    told = await saying.run(force=True)
    assert told.outcomes()[1] == "9 deferred"
    assert saying.shelf.counts()["src 2024-03-09"] == 4
    assert saying.rows()[1].digest == digest_of(saying.shelf, Partition("src", day(9)))


async def test_deferred_with_records_fails_the_window(saying: Stand) -> None:
    saying.kind.says = {day(10): Note(day(10), deferred="not yet")}
    told = await saying.run()
    assert told.outcomes()[0] == "10 failed"
    assert told.finished[0].error.startswith("src said that 2024-03-10 is deferred, and yielded records of it")


async def test_unchanged_without_a_version_fails_the_window(saying: Stand) -> None:
    saying.kind.says = {day(10): Note(day(10), unchanged=True)}
    told = await saying.run()
    assert told.outcomes() == ["10 failed", "9 failed", "8 done"]
    assert told.finished[0].error.startswith("src said that 2024-03-10 is unchanged, but no version of it is known")
    assert saying.said() == ["8 done v8", "9 failed", "10 failed"]


async def test_force_knows_nothing(saying: Stand) -> None:
    await saying.run()
    told = await saying.run(force=True)
    assert {known for _, known in saying.kind.knew} == {""}
    assert told.outcomes() == ["10 done", "9 done", "8 done"]


async def test_another_configuration_knows_nothing(saying: Stand) -> None:
    await saying.run()
    saying.options["fingerprint"] = "another"
    await saying.run()
    assert {known for _, known in saying.kind.knew} == {""}


async def test_a_target_that_lags_is_given_the_whole_answer(saying: Stand) -> None:
    other = Shelf()
    await saying.run()
    saying.targets["other"] = target_of(other)

    other.before = refusing("src 2024-03-09")
    told = await saying.run()
    assert {known for _, known in saying.kind.knew} == {""}
    assert saying.shelf.calls == []
    assert told.outcomes().count("9 failed") == 1
    assert saying.said("other") == ["8 done v8", "9 failed", "10 done v10"]
    other.before = lambda partition: None
    await saying.run()
    assert sorted(saying.kind.knew) == [(8, "v8"), (9, ""), (10, "v10")]
    assert saying.said("other") == saying.said() == ["8 done v8", "9 done v9", "10 done v10"]
    assert other.counts() == saying.shelf.counts()


async def test_targets_with_different_versions_know_none(saying: Stand) -> None:
    saying.targets["other"] = target_of(Shelf())
    await saying.run()
    saying.put(replace(saying.rows("other")[-1], version="older"))
    await saying.run()
    assert sorted(saying.kind.knew) == [(8, "v8"), (9, "v9"), (10, "")]


async def test_a_day_that_changed_in_the_ledger_since_it_was_planned(saying: Stand) -> None:
    await saying.run()

    class Meddling(saying.kind):  # type: ignore[misc,name-defined]
        def extract(self, window: Window) -> Any:
            drifted = replace(saying.rows()[-1], state="drift")
            saying.put(drifted)
            return super().extract(window)

    saying.kind = Meddling
    told = await saying.run()
    assert told.outcomes()[:2] == ["9 unchanged", "10 failed"]
    error = "said to be unchanged, but the ledger does not have it as done now"
    assert [each.error for each in told.finished if each.error] == [error]


async def test_a_day_of_other_sources_is_known_when_all_of_it_is_done(saying: Stand) -> None:
    class Copy(saying.kind):  # type: ignore[misc,name-defined]
        def extract(self, window: Window) -> Any:
            for each in super().extract(window):
                yield Record(each.date, each.category, each.data, source="far") if isinstance(each, Record) else each

    saying.kind = Copy
    saying.shelf.before = refusing("far 2024-03-10")
    told = await saying.run()
    assert told.outcomes("far") == ["10 failed", "9 done", "8 done"]
    assert told.outcomes("src") == ["10 done", "9 done", "8 done"]
    saying.shelf.before = lambda partition: None
    told = await saying.run()
    assert sorted(saying.kind.knew) == [(8, "v8"), (9, "v9"), (10, "")]
    assert told.outcomes("far") == ["10 done"]
    told = await saying.run()
    assert saying.shelf.counts() == {f"far 2024-03-{at:02}": 4 for at in (8, 9, 10)}
    assert told.outcomes("src") == ["10 unchanged", "9 unchanged", "8 unchanged"]


async def test_a_held_answer_that_is_not_kept_is_asked_for_again(saying: Stand) -> None:
    await saying.run()
    saying.table.days[day(10)] = []
    saying.kind.current[day(10)] = "broken"
    saying.kind.says = {day(10): Note(day(10), "nothing came")}
    told = await saying.run()
    assert [(each.outcome, each.remark) for each in told.finished if each.outcome != "unchanged"] == [
        ("held", "nothing came")
    ]
    assert saying.said()[-1] == "10 held broken"
    await saying.run()
    assert (10, "") in saying.kind.knew


@pytest.mark.parametrize("stand", ["saying", "telling"])
async def test_a_held_answer_that_was_decided_against_is_known(stand: str, request: pytest.FixtureRequest) -> None:
    it: Stand = request.getfixturevalue(stand)
    await it.run()
    it.table.days[day(10)] = []
    it.kind.current[day(10)] = "broken"
    await it.run()
    storage = Storage.open(it.url)
    keeping.keep(it.config(), storage, sources=["src"], wanted=None, now=NOW)
    storage.close()
    told = await it.run()
    assert set(told.outcomes()) <= {"10 unchanged", "9 unchanged", "8 unchanged"}
    assert it.said()[-1] == f"10 done broken {keeping.REMARK}"


async def test_what_failed_keeps_what_was_said_of_what_is_held(saying: Stand) -> None:
    saying.kind.says = {day(10): Note(day(10), "sampled")}
    await saying.run()
    saying.kind.current[day(10)] = "v11"
    saying.table.each = lambda at: refusing("src 2024-03-10")(Partition("src", at))
    await saying.run()
    assert saying.said()[-1] == "10 failed v10 sampled"


# --- versions in the plan


async def test_a_day_that_has_the_version_it_had_is_not_due(telling: Stand) -> None:
    await telling.run()
    assert telling.kind.told == [Window("src", day(8), day(10))]
    told = await telling.run()
    assert (told.outcomes(), telling.table.asked) == ([], [])
    assert telling.kind.told == [Window("src", day(8), day(10))]


async def test_a_final_day_that_changed_is_due(telling: Stand) -> None:
    await telling.run()
    await telling.run(now=LATER + dt.timedelta(days=30))
    telling.kind.current[day(8)] = "v8b"
    telling.table.days[day(8)].append({"late": True})
    [planned] = plan(telling.config(), Request(), now=LATER)
    assert [(due.partition.date.day, due.reason) for due in planned.due] == [(8, "changed")]
    told = await telling.run(now=LATER)
    assert [(each.partition.date.day, each.outcome, each.added) for each in told.finished] == [(8, "done", 1)]
    assert telling.said()[0] == "8 done v8b"


async def test_days_without_a_version_are_planned_as_ever(telling: Stand) -> None:
    await telling.run()
    del telling.kind.current[day(9)]
    telling.kind.current[day(8)] = ""
    told = await telling.run()
    assert told.outcomes() == ["9 unchanged", "8 unchanged"]


async def test_a_day_that_settles_with_the_version_it_had_becomes_final(telling: Stand) -> None:
    await telling.run()
    ages = [row.age for row in telling.rows()]
    assert max(ages) < 2 * 86400
    await telling.run(now=NOW + dt.timedelta(hours=1))
    assert [row.age for row in telling.rows()] == ages  # it has not settled, so nothing is written
    await telling.run(now=NOW + dt.timedelta(days=1))
    assert [row.age - was for row, was in zip(telling.rows(), ages, strict=True)] == [86400, 0, 0]
    told = await telling.run(now=LATER)
    rows = telling.rows()
    assert [row.age - was for row, was in zip(rows, ages, strict=True)] == [86400, 3 * 86400, 3 * 86400]
    assert [(row.asked, row.written, row.digest and row.digest.count) for row in rows[1:]] == [(LATER, NOW, 4)] * 2
    assert (told.outcomes(), telling.table.asked) == ([], [])


async def test_what_becomes_final_is_purged(telling: Stand) -> None:
    purged: list[Window] = []
    facts = {"purges": True, "purge": lambda self, window: purged.append(window)}
    telling.kind = type("Purging", (telling.kind,), facts)
    await telling.run()
    assert purged == []
    await telling.run(now=LATER)
    assert [day for window in purged for day in window.days()] == [day(9), day(10), day(8)]


async def test_force_asks_for_no_versions(telling: Stand) -> None:
    await telling.run()
    told = await telling.run(force=True)
    assert telling.kind.told == []
    assert {due.reason for _, event in told.told[:1] for due in event.due} == {"provisional"}


async def test_versions_that_cannot_be_had_just_now(telling: Stand) -> None:
    failures = 2

    def versions(self: Source, window: Window) -> dict[dt.date, str]:
        nonlocal failures
        failures -= 1
        if failures >= 0:
            raise TemporaryError("connection refused")
        return {}

    telling.kind = type("Failing", (telling.kind,), {"versions": versions})
    told = await telling.run()
    assert [event.doing for kind, event in told.told if kind == "retry"] == ["the plan", "the plan"]
    assert len(told.outcomes()) == 3


@pytest.mark.parametrize(
    ("told", "error"),
    [
        ({day(9): 7}, "src told a version 7 of datetime.date(2024, 3, 9), expected a text of a date"),
        ({"2024-03-09": "v"}, "src told a version 'v' of '2024-03-09', expected a text of a date"),
        (None, "src raised TypeError: 'NoneType' object is not iterable"),
    ],
)
async def test_versions_that_are_none(telling: Stand, told: Any, error: str) -> None:
    telling.kind = type("Wrong", (telling.kind,), {"versions": lambda self, window: told})
    found = await telling.run()
    assert [event.why for kind, event in found.told if kind == "skipped"] == [error]
    assert found.report.exit_status == 1


# --- what people see

PLUGIN = """
    from monolith_core import Note, Record, Source


    class Noted(Source):
        def extract(self, window):
            for day in window.days():
                yield Record(day, "fact", {})
                if day.day % 2:
                    yield Note(day, remark="sampled: 40 %\\x07 of the events")
"""


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Job:
    from support.distributions import make_distribution

    made = make_job(monkeypatch, tmp_path)
    make_distribution(
        tmp_path / "site",
        "noted-plugin",
        groups={"monolith.sources": {"noted": "noted_plugin:Noted"}},
        modules={"noted_plugin": PLUGIN},
    )
    made.change("use = scripted\nfile = %(here)s/visits.json", "use = noted")
    return made


def test_status_shows_remarks(job: Job) -> None:
    job.extract()
    shown = job.monolith("status").stdout.splitlines()
    assert shown[-2:] == [
        "remarks",
        "  visits 2024-01-01, 2024-01-03, 2024-01-05, 2024-01-07, 2024-01-09 into sql: "
        r"sampled: 40 %\x07 of the events",
    ]
    (first, *_) = found = job.json("status", "--start-date", "2024-01-04")["remarks"]
    assert [each["date"] for each in found] == ["2024-01-05", "2024-01-07", "2024-01-09"]
    assert first == {
        "source": "visits",
        "via": "visits",
        "target": "sql",
        "date": "2024-01-05",
        "remark": "sampled: 40 %\x07 of the events",
    }
    assert job.json("status", "--target", "sql", "--month", "2023-01")["remarks"] == []


def test_the_log_and_the_report_have_remarks(job: Job) -> None:
    file = job.folder / "report.json"
    done = job.extract("--report", str(file), "--log-format", "json")
    remarks = [line for line in map(json.loads, done.stderr.splitlines()) if line.get("event") == "remark"]
    assert [line["remark"] for line in remarks] == ["sampled: 40 %\x07 of the events"]
    assert [each["remark"] for each in json.loads(file.read_text())["partitions"]] == [
        "sampled: 40 %\x07 of the events"
    ] * 5


def test_many_remarks_are_cut(job: Job, tmp_path: Any) -> None:
    url = f"sqlite:///{job.folder}/archive.sqlite"
    job.extract()
    storage = Storage.open(url)
    first = storage.ledger.rows()[0]
    rows = [replace(first, date=dt.date(2023, 1, 1) + dt.timedelta(days=n), remark=f"r{n}") for n in range(30)]
    storage.ledger.put(rows)
    storage.close()
    shown = CliRunner().invoke(monolith, ["status", str(job.config)]).stdout.splitlines()
    assert shown[-1] == "  and 11 more; --json lists each"
    assert shown[-2].endswith("into sql: r11")
