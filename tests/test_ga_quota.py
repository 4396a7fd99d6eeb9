"""Quota of the google-analytics source: what is left is known, shared, and never eaten into."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from support.ga_emulator import Asked, Emulator, Quota
from support.ga_fixtures import PROPERTY, Make, _new_process, day, google, make, march, records
from support.ga_property import Refusal

from monolith_core.errors import Deferred, Divide
from monolith_plugins_ga import quota
from monolith_plugins_ga.quota import AT_ONCE, FORGET, Gate, Left
from monolith_plugins_ga.source import GoogleAnalyticsSource

__all__ = ["_new_process", "google", "make"]


class Clock:
    """Seconds that the test lets pass."""

    def __init__(self) -> None:
        self.now = 5000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gate(clock: Clock) -> Gate:
    return Gate(threading.Semaphore(AT_ONCE), clock)


def send(gate: Gate, remaining: int, consumed: int = 1, *, reserve: int = 0, name: str = "hour") -> None:
    with gate.passing("property 1", reserve) as told:
        told({name: Left(consumed, remaining)})


def test_what_would_eat_into_the_reserve_does_not_begin(gate: Gate):
    send(gate, 130, consumed=10, reserve=100)
    send(gate, 110, consumed=10, reserve=100)
    with pytest.raises(Deferred) as caught:
        send(gate, 109, consumed=1, reserve=111)
    assert str(caught.value) == (
        "the quota of property 1 is used up: 110 tokens per hour are left, 111 are reserved (quota-reserve), and a "
        "request takes up to 10; the rest comes with a later run"
    )
    send(gate, 100, consumed=10, reserve=100)
    with pytest.raises(Deferred):
        send(gate, 99, reserve=100)


def test_every_quota_counts(gate: Gate):
    send(gate, 1000)
    send(gate, 5, name="day")
    with pytest.raises(Deferred, match="5 tokens per day are left"):
        send(gate, 0, reserve=10)


def test_what_was_known_is_out_of_date_after_an_hour(gate: Gate, clock: Clock):
    send(gate, 5)
    assert not gate.affords(10, 0)
    clock.now += FORGET + 1
    assert gate.affords(10, 0)
    send(gate, 5, reserve=10)


def test_a_gate_that_is_closed_opens_after_an_hour(gate: Gate, clock: Clock):
    gate.close("used up")
    with pytest.raises(Deferred, match="used up"):
        send(gate, 5)
    clock.now += FORGET + 1
    send(gate, 5)


def test_of_answers_that_cross_one_another_the_lowest_counts(gate: Gate):
    send(gate, 100)
    with gate.passing("property 1", 0) as first, gate.passing("property 1", 0) as second:
        second({"hour": Left(1, 50)})
        first({"hour": Left(1, 60)})
    assert gate.affords(50, 0)
    assert not gate.affords(51, 0)
    send(gate, 90)
    assert gate.affords(90, 0), "an answer to a request that began later is true"


def test_what_is_under_way_is_counted(gate: Gate):
    """Three requests of ten tokens fit; the fourth waits for what the first ones really take."""
    send(gate, 35, consumed=10)
    fourth = threading.Event()

    def wait() -> None:
        with gate.passing("property 1", 0):
            fourth.set()

    with ExitStack() as stack:
        tell = [stack.enter_context(gate.passing("property 1", 0)) for _ in range(3)]
        thread = threading.Thread(target=wait)
        thread.start()
        assert not fourth.wait(0.05)
        tell[0]({"hour": Left(1, 45)})
        assert fourth.wait(10)
    thread.join()


def test_until_something_is_known_one_request_is_sent_at_a_time(gate: Gate):
    second = threading.Event()

    def wait() -> None:
        with gate.passing("property 1", 0):
            second.set()

    with gate.passing("property 1", 0) as told:
        thread = threading.Thread(target=wait)
        thread.start()
        assert not second.wait(0.05)
        told({"hour": Left(1, 100)})
        assert second.wait(10)
    thread.join()


def test_a_request_that_fails_lets_the_next_one_begin(gate: Gate):
    for _ in range(3):
        with pytest.raises(RuntimeError), gate.passing("property 1", 0):
            raise RuntimeError
    send(gate, 100)


# With the emulator


def use_up(source: GoogleAnalyticsSource) -> None:
    for _ in range(20):
        records(source, march(1))


def test_ten_requests_at_once_for_a_property_over_all_sources(make: Make, google: Emulator):
    """The emulator refuses an eleventh; ten of them meet there."""
    barrier = threading.Barrier(AT_ONCE)

    def meet(asked: Asked) -> None:
        barrier.wait(30)

    sources = [make(section=f"ga{number}", category="visit") for number in range(4)]
    records(sources[0], march(1))
    google.rule = meet
    with ThreadPoolExecutor(30) as threads:
        found = list(threads.map(lambda number: records(sources[number % 4], march(1)), range(30)))
    assert found == [found[0]] * 30
    assert google.most_at_once == AT_ONCE


def test_another_property_has_places_of_its_own():
    one, other = quota.gate("https://a", "1", "project"), quota.gate("https://a", "2", "project")
    with ExitStack() as stack:
        for _ in range(AT_ONCE):
            send(one, 1000)
            stack.enter_context(one.passing("property 1", 0))
            send(other, 1000)
            stack.enter_context(other.passing("property 2", 0))


def test_the_projects_of_a_property_share_its_places():
    gates = [quota.gate("https://a", "1", str(number)) for number in range(AT_ONCE + 1)]
    assert len({id(gate._slots) for gate in gates}) == 1
    assert quota.gate("https://a", "1", "0") is gates[0]


def test_a_source_stops_before_the_reserve(make: Make, google: Emulator):
    google.quota = Quota(per_hour=100, cost=lambda answer: 7)
    source = make(quota_reserve=50)
    with pytest.raises(Deferred, match=r"property 123 is used up: 51 tokens per hour are left, 50 are reserved"):
        use_up(source)
    assert google.quota.left(PROPERTY, google.clock())["tokensPerHour"] == 51
    with pytest.raises(Deferred):
        records(make(quota_reserve=50, section="another"), march(1))
    assert len(google.asked) == 7


def test_a_source_without_a_reserve_takes_all(make: Make, google: Emulator):
    google.quota = Quota(per_day=10, cost=lambda answer: 5)
    source = make(quota_reserve=0)
    with pytest.raises(Deferred, match="0 tokens per day are left"):
        use_up(source)


def test_what_google_refuses_is_not_asked_by_the_next_source(make: Make, google: Emulator):
    google.quota = Quota(per_day=0)
    for section in ("one", "two"):
        with pytest.raises(Deferred, match=r"the quota is used up: Exhausted property tokens per day\."):
            records(make(section=section), march(1))
    assert len(google.asked) == 1


def test_the_quota_is_asked_about(make: Make, google: Emulator):
    records(make(), march(1))
    assert google.asked[0].body["returnPropertyQuota"] is True


def test_many_days_whose_pages_the_quota_does_not_suffice_for_are_divided(make: Make, google: Emulator):
    """Else each run would read the same first pages, and never come to an end."""
    google.quota = Quota(per_hour=6, cost=lambda answer: 1)
    source = make(page_size=2, quota_reserve=1)
    with pytest.raises(Divide, match="the quota of property 123 does not suffice for 9 more pages"):
        records(source, march(1, 10))
    assert [len(records(source, march(number))) for number in (10, 9, 8, 7)] == [2, 2, 2, 2]
    with pytest.raises(Deferred):
        records(source, march(6))


def test_an_error_leaves_nothing_occupied(make: Make, google: Emulator):
    source = make()

    def refuse(asked: Asked) -> None:
        raise Refusal(503, "UNAVAILABLE", "down")

    google.rule = refuse
    for _ in range(AT_ONCE + 1):
        with pytest.raises(Exception, match="down"):
            records(source, march(1))
    google.rule = lambda asked: None
    assert records(source, march(1))[0].date == day(1)
