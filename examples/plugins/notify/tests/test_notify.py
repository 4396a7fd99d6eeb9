"""What people are told, by a real mail server and a real HTTP service, over runs that go well and badly."""

import datetime as dt
import json
import subprocess
import sys
from email import message_from_bytes, policy

import pytest
from aiosmtpd.controller import Controller
from hypothesis import given
from hypothesis import strategies as st

from monolith_core import (
    Context,
    Partition,
    PartitionFinished,
    PermanentError,
    Run,
    SourcePlanned,
    SourceSkipped,
    TemporaryError,
)
from monolith_core.testing import HooksSuite, memory_source, memory_target
from monolith_plugin_notify import NotifyHooks
from monolith_plugin_notify.message import Message, message
from monolith_plugin_notify.state import MOST, State, read_state, write_state
from monolith_plugin_notify.troubles import MEMORY, Trouble, compare

TODAY = dt.date(2024, 3, 10)
NOON = dt.datetime(2024, 3, 10, 12, tzinfo=dt.UTC)
RUN = Run("abc", "monolith.ini", ("extract",), NOON, "web1", 7)


def address(service):
    """Apprise's URL of a service that takes JSON."""
    return service.url.replace("http://", "json://") + "/told"


class TestNotify(HooksSuite):
    plugin = NotifyHooks

    @pytest.fixture
    def options(self, monolith_service):
        monolith_service.says("/told", "")
        return {"urls": address(monolith_service)}

    @pytest.fixture
    def unreachable(self):
        return {"urls": "json://ada:hush-hush@127.0.0.1:1/told"}


@pytest.fixture
def hooks(tmp_path, monolith_service):
    """Makes the hooks anew, as each run does, and says what was told since the last time."""
    monolith_service.says("/told", "")

    def hooks(**options):
        given = {"urls": address(monolith_service), "state": tmp_path / "told.json", **options}
        return NotifyHooks(NotifyHooks.Options.model_validate(given), Context("notify", dt.UTC))

    return hooks


@pytest.fixture
def told(monolith_service):
    """What was told since it was asked the last time."""

    def told():
        found = [json.loads(each.body) for each in monolith_service.asked]
        monolith_service.asked.clear()
        return [(each["title"], each["message"].splitlines()[2:]) for each in found]

    return told


@pytest.fixture
def shop(monolith_bench, monolith_memory):
    """A source whose days can be changed, and have trouble; run it with `monolith_bench`."""

    class Shop:
        def __init__(self):
            self.days = {TODAY - dt.timedelta(days=ago): [{"n": n} for n in range(4)] for ago in range(3)}
            self.trouble = {}

        def before(self, window):
            if window.start in self.trouble:
                raise PermanentError(self.trouble[window.start])

    shop = Shop()
    monolith_bench.source("shop", memory_source(shop.days, before=shop.before), since="2024-03-08", span=1)
    monolith_bench.target("memory", memory_target(monolith_memory))
    return shop


def test_a_change_is_told_once(hooks, told, shop, monolith_bench):
    monolith_bench.run(hooks())
    assert told() == []

    shop.trouble[TODAY] = "no such table"
    monolith_bench.run(hooks())
    assert told() == [
        ("monolith: shop into memory failed (2024-03-10)", ["shop into memory failed (2024-03-10):", "  no such table"])
    ]
    shop.trouble[TODAY] = "still no such table"
    monolith_bench.run(hooks())
    assert told() == []

    shop.trouble.clear()
    monolith_bench.run(hooks())
    assert told() == [
        ("monolith: shop into memory no longer failed (2024-03-10)", ["shop into memory no longer failed (2024-03-10)"])
    ]
    monolith_bench.run(hooks())
    assert told() == []


def test_what_is_held_is_told_once(hooks, told, shop, monolith_bench):
    monolith_bench.run(hooks())
    whole, shop.days[TODAY] = shop.days[TODAY], []
    monolith_bench.run(hooks())
    ((title, _),) = told()
    assert title == "monolith: shop into memory held, because the new answer is much smaller (2024-03-10)"
    monolith_bench.run(hooks())
    assert told() == []
    shop.days[TODAY] = whole
    monolith_bench.run(hooks())
    ((title, _),) = told()
    assert title == "monolith: shop into memory no longer held (2024-03-10)"


@pytest.fixture
def down(told, monolith_service):
    """Runs something while the service is busy, with what it was asked in vain forgotten."""

    def down(run):
        monolith_service.says("/told", "busy", status=503)
        run()
        told()
        monolith_service.says("/told", "")

    return down


def test_a_failure_that_was_not_taken_is_told_after_the_next_run_and_once(hooks, told, down, shop, monolith_bench):
    shop.trouble[TODAY] = "no such table"
    down(lambda: monolith_bench.run(hooks()))
    for _ in range(2):
        assert monolith_bench.run(hooks()).report["counts"]["failed"] == 1
    assert told() == [
        ("monolith: shop into memory failed (2024-03-10)", ["shop into memory failed (2024-03-10):", "  no such table"])
    ]


def test_a_recovery_that_was_not_taken_is_told_after_the_next_run_and_once(hooks, told, down, shop, monolith_bench):
    shop.trouble[TODAY] = "no such table"
    monolith_bench.run(hooks())
    assert len(told()) == 1
    shop.trouble.clear()
    down(lambda: monolith_bench.run(hooks()))
    for _ in range(2):
        monolith_bench.run(hooks())
    assert [title for title, _ in told()] == ["monolith: shop into memory no longer failed (2024-03-10)"]


def drifted(listener):
    """A run that finds a drift."""
    listener.run_started(RUN)
    listener.partition_finished(finished())
    listener.run_finished(RUN, {"status": "ok"})


def quiet(listener):
    """A run that finds nothing."""
    listener.run_started(RUN)
    listener.run_finished(RUN, {"status": "ok"})


def test_a_drift_that_was_not_taken_is_told_after_the_next_run_and_once(hooks, told, down):
    def in_vain():
        with pytest.raises(TemporaryError, match="section notify took the message; it is sent again after the next"):
            drifted(hooks())

    down(in_vain)
    quiet(hooks())
    assert [title for title, _ in told()] == ["monolith: shop into memory had drifted, and was due again (2024-03-10)"]
    quiet(hooks())
    assert told() == []


def test_what_is_over_before_it_could_be_told_is_told_in_its_order(hooks, told, down, shop, monolith_bench):
    """In one message, however long the service was away."""
    shop.trouble[TODAY] = "no such table"
    down(lambda: monolith_bench.run(hooks()))
    shop.trouble.clear()
    down(lambda: monolith_bench.run(hooks()))
    monolith_bench.run(hooks())
    ((title, lines),) = told()
    assert title == "monolith: shop into memory no longer failed (2024-03-10) (after 1 that could not be sent)"
    assert lines[0] == "shop into memory failed (2024-03-10):"
    assert lines[-1] == "shop into memory no longer failed (2024-03-10)"
    assert sum("run of" in line for line in lines) == 1, "each has its run; that of the first is the first line"


def test_what_cannot_be_sent_for_long_is_not_kept_for_ever(tmp_path):
    write_state(tmp_path / "told.json", State({}, [Message(str(n), "text") for n in range(MOST + 1)]))
    kept = read_state(tmp_path / "told.json").untold
    assert (len(kept), kept[-1]) == (MOST, Message(str(MOST), "text"))


def test_only_what_was_asked_for_is_told(hooks, told, shop, monolith_bench):
    shop.trouble[TODAY] = "no such table"
    monolith_bench.run(hooks(about=["held", "drift"]))
    assert told() == []


def finished(outcome="done", reason="drift", day=TODAY):
    return PartitionFinished("extract", "shop", "memory", Partition("shop", day), reason, outcome)


def test_a_drift_is_told_and_over(hooks, told):
    drifted(hooks())
    assert told()[0][1] == [
        "shop into memory had drifted, and was due again (2024-03-10):",
        "  the target held something else than was written",
    ]
    quiet(hooks())
    assert told() == []


def test_a_source_and_a_run_that_break_off(hooks, told):
    listener = hooks()
    for _ in range(2):
        listener.run_started(RUN)
        listener.source_skipped(SourceSkipped("extract", "other", "another run works on it"))
        listener.source_skipped(SourceSkipped("extract", "shop", "no such host", failed=True))
        listener.run_finished(RUN, {"status": "error", "error": "the storage is gone"})
    ((title, lines),) = told()
    assert title == "monolith: the run broke off, and 1 more"
    assert lines == ["the run broke off:", "  the storage is gone", "shop could not be worked on:", "  no such host"]
    listener.run_started(RUN)
    listener.source_planned(SourcePlanned("extract", "shop", ()))
    listener.run_finished(RUN, {"status": "ok"})
    assert told()[0][1] == ["runs go on to their end again", "shop is worked on again"]


class MailServer(Controller):
    """On a free port, which aiosmtpd itself does not look up before it tries it."""

    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


def test_it_comes_by_mail(hooks, shop, monolith_bench):
    """To a real SMTP server, and to each of two people."""
    box = []

    class Box:
        async def handle_DATA(self, server, session, envelope):
            box.append(envelope)
            return "250 OK"

    server = MailServer(Box(), hostname="127.0.0.1", port=0, ready_timeout=60)
    server.start()
    try:
        shop.trouble[TODAY] = "no such table"
        to = "to=ada@example.org,grace@example.org&from=monolith@example.org"
        monolith_bench.run(hooks(urls=f"mailto://127.0.0.1:{server.port}?{to}"))
    finally:
        server.stop()
    assert sorted(name for each in box for name in each.rcpt_tos) == ["ada@example.org", "grace@example.org"]
    mail = message_from_bytes(box[0].content, policy=policy.default)
    assert mail["Subject"] == "monolith: shop into memory failed (2024-03-10)"
    assert "no such table" in mail.get_body(("plain", "html")).get_content()


def test_many_days_are_counted():
    days = [f"2024-03-{day:02}" for day in range(1, 10)]
    began = {Trouble("failed", "shop", "memory", day): "no such table" for day in days}
    _, text = message(RUN, compare({}, began, (), NOON))
    assert text.splitlines() == [
        "monolith.ini on web1, run of 2024-03-10 12:00 UTC",
        "",
        f"shop into memory failed ({', '.join(days[4:])} and 4 days more):",
        "  no such table",
    ]


TROUBLES = st.builds(
    Trouble, st.sampled_from(["failed", "held"]), st.sampled_from("ab"), st.just("t"), st.sampled_from("123")
)


@given(st.dictionaries(TROUBLES, st.just("why")), st.sets(TROUBLES), st.dictionaries(TROUBLES, st.just(NOON)))
def test_what_is_found_twice_is_told_once(found, well, before):
    first = compare(before, found, well, NOON)
    again = compare(first.told, found, well, NOON)
    assert not again.began
    assert not again.ended
    assert set(first.told) == (set(before) - well) | set(found)
    assert set(first.ended) == {each for each in before if each in well and each not in found}


def test_what_nobody_speaks_of_any_more_is_forgotten():
    trouble = Trouble("held", "shop", "memory", "2024-03-10")
    assert compare({trouble: NOON}, {}, (), NOON + MEMORY / 2).told == {trouble: NOON}
    assert compare({trouble: NOON}, {}, (), NOON + MEMORY) == compare({}, {}, (), NOON)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[",
        "{}",
        "[1]",
        '{"told": [{"trouble": [], "seen": "x"}], "untold": []}',
        '{"told": [{"seen": 1}], "untold": []}',
        '{"told": [], "untold": [{"title": "x"}]}',
    ],
)
def test_a_file_that_is_not_ours_is_as_none(tmp_path, text):
    file = tmp_path / "told.json"
    assert read_state(file) == State()
    file.write_text(text)
    assert read_state(file) == State()


WRITER = """
import datetime, sys
from pathlib import Path
from monolith_plugin_notify.state import State, write_state
from monolith_plugin_notify.troubles import Trouble
told = {Trouble("failed", "shop", "memory", str(n)): datetime.datetime.now(datetime.UTC) for n in range(2000)}
write_state(Path(sys.argv[1]), State(told))
print("ready", flush=True)
while True:
    write_state(Path(sys.argv[1]), State(told))
"""


def test_whoever_reads_and_whenever_it_is_killed_the_file_is_whole(tmp_path):
    file = tmp_path / "told.json"
    child = subprocess.Popen([sys.executable, "-c", WRITER, str(file)], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout.readline() == "ready\n"
        for _ in range(50):
            assert len(read_state(file).told) == 2000
    finally:
        child.kill()
        child.communicate()
    assert len(read_state(file).told) == 2000


def test_what_is_written_is_read(tmp_path):
    told = {Trouble("failed", "shop", "memory", "2024-03-10"): NOON, Trouble("run"): NOON}
    state = State(told, (Message("a title", "a text\nof two lines, söme of it"),))
    write_state(tmp_path / "told.json", state)
    assert read_state(tmp_path / "told.json") == state


@pytest.mark.parametrize("wrong", [{"urls": "ada@example.org"}, {"urls": ""}, {"about": []}, {"about": ["weather"]}])
def test_options_that_make_no_sense(wrong):
    with pytest.raises(ValueError, match="validation error"):
        NotifyHooks.Options.model_validate({"urls": "json://127.0.0.1:1", **wrong})
