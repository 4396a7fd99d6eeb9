"""What Elasticsearch refuses, and what breaks on the way: each ends in the whole partition or in one clear line."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from support.elasticsearch_node import Node
from support.es_fixtures import Make, make, target
from support.es_proxy import Answer, Asked, Cut, Forward, Proxy, Rule, lines
from support.servers import free_port
from support.staging import DAY, MemoryStaged, staged

from monolith_core.errors import LeaseLost, MonolithError, PermanentError, RecordError, TemporaryError
from monolith_core.partition import ONE_DAY
from monolith_core.plugin import Written
from monolith_plugins_es import bulk, held
from monolith_plugins_es.target import ElasticsearchTarget

__all__ = ["make", "target"]

pytestmark = pytest.mark.server


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "FIRST_WAIT", 0.01)


def numbers(*values: int) -> MemoryStaged:
    return staged({"n": value} for value in values)


def failure(target: ElasticsearchTarget, answer: MemoryStaged) -> MonolithError:
    with pytest.raises(MonolithError) as caught:
        target.replace(answer.partition, answer)
    assert "\n" not in str(caught.value)
    return caught.value


FIRST = {"n": 1, "s": "text", "o": {"inner": 1}, "b": True}

REFUSED: dict[str, tuple[Mapping[str, Any], str, str]] = {
    "text for a number": ({"n": "abc"}, "n", '"abc"'),
    "a value for an object": ({"o": 3}, "o", "3"),
    "an object for a text": ({"s": {"q": 1}}, "s", '{"q": 1}'),
    "a number for a boolean": ({"b": 5}, "b", "5"),
    "deep within": ({"list": [{"n": 1}], "o": {"inner": "x"}}, "o.inner", '"x"'),
    "a dotted name within a value": ({"n.more": 5}, "n.more", "5"),
    "an empty key": ({"": 7}, '""', "7"),
    "a blank key": ({" ": 7}, " ", "7"),
    "dots side by side": ({"x..y": 7}, "x..y", "7"),
    "a name of Elasticsearch's": ({"_id": 7}, "_id", "7"),
    "more than a double": ({"n": 10**400}, "n", "1000"),
    "a number without end": ({"fine": 1, "m": 10**2000}, "m", "1000"),
    "objects in objects": (json.loads('{"d":' * 25 + "1" + "}" * 25), "d.d", '{"d":'),
    "an object among values": ({"mix": [1, {"x": 1}]}, "mix", "["),
    "monolith's own name": ({"monolith": "mine"}, "monolith", '"mine"'),
    "a dotted name of monolith's own": ({"monolith.a": 5}, "monolith.a", "5"),
    "another day": ({"date": "2024-03-01"}, "date", '"2024-03-01"'),
    "too many fields": ({f"field{n}": n for n in range(1000)}, "field", ""),
}


@pytest.mark.parametrize(("data", "field", "value"), REFUSED.values(), ids=REFUSED)
def test_a_record_that_cannot_be_kept(make: Make, node: Node, data: Mapping[str, Any], field: str, value: str):
    """It fails its partition, with its field and its value, and the partition stays as it was."""
    before = staged([FIRST])
    target = make()
    target.replace(before.partition, before)
    held = node.documents("monolith")
    error = failure(target, staged([{"n": 2}, data, {"n": 3}]))
    assert isinstance(error, RecordError)
    assert error.field.startswith(field)
    assert str(error).startswith(field)
    assert value in str(error)
    assert len(str(error)) < 700
    assert node.documents("monolith") == held
    other = staged([{"n": 5}], day=DAY + ONE_DAY)
    assert target.replace(other.partition, other) == Written(1, 0, 0)


def test_the_line_says_what_to_do_and_repeats_nothing(make: Make, node: Node):
    before = staged([FIRST])
    target = make()
    target.replace(before.partition, before)
    assert str(failure(target, staged([{"n": "abc"}]))) == (
        'n: monolith-2024-02 does not take "abc" of a record of shop, category sale: failed to parse field [n] of type '
        '[double]: For input string: "abc"; rename the field in the source, or give it a type in mappings'
    )


def test_a_mapping_that_takes_no_new_fields(make: Make, node: Node, tmp_path: Path):
    file = tmp_path / "mapping.json"
    file.write_text(json.dumps({"dynamic": "strict", "properties": {"n": {"type": "double"}}}), encoding="utf-8")
    target = make(mappings=str(file))
    error = failure(target, staged([{"n": 1, "a.b": 2}]))
    assert isinstance(error, RecordError)
    assert error.field == "a.b"
    assert "does not take 2 of a record" in str(error)


def test_a_body_that_is_refused_while_a_day_is_repaired(make: Make, node: Node):
    """A document that is written anew is told as one that is created."""
    before = staged([FIRST])
    make().replace(before.partition, before)
    answer = staged([{"n": "abc"}])
    answer.drifted = True
    error = failure(make(), answer)
    assert isinstance(error, RecordError)
    assert error.field == "n"


def test_a_partition_that_fails_is_taken_back_whatever_was_sent(make: Make, node: Node):
    target = make(bulk_bytes=2000, jobs=3)
    before = numbers(*range(100))
    target.replace(before.partition, before)
    held = node.documents("monolith")
    failure(target, staged([*({"n": n} for n in range(50, 500)), {"n": "no number"}]))
    assert node.documents("monolith") == held


def test_the_field_limit_names_the_first_field_too_many(make: Make):
    error = failure(make(), staged([{f"f{n}": n for n in range(1200)}]))
    assert isinstance(error, RecordError)
    assert "Limit of total fields [1000]" in str(error)


def set_block(node: Node, name: str) -> None:
    node.ask("PUT", "/monolith-2024-02/_settings", {f"index.blocks.{name}": True})


@pytest.mark.parametrize(
    ("block", "text"),
    [
        ("read_only_allow_delete", "flood-stage watermark; make room on it"),
        ("write", "index write"),
        ("read_only", "index read-only"),
    ],
)
def test_an_index_that_is_read_only(make: Make, node: Node, block: str, text: str):
    target = make()
    target.replace(numbers(1).partition, numbers(1))
    set_block(node, block)
    error = failure(target, numbers(1, 2))
    assert isinstance(error, PermanentError)
    assert text in str(error)
    assert "monolith-2024-02" in str(error)


def bulks_only(faults: Callable[[int], Answer | None]) -> Rule:
    """Answers the bulk requests, which are counted from 0, by `faults`; forwards those of which that knows nothing."""
    count = itertools.count()

    def rule(asked: Asked, forward: Forward) -> Answer:
        if not asked.is_bulk:
            return forward()
        return faults(next(count)) or forward()

    return rule


BUSY = {"error": {"type": "es_rejected_execution_exception", "reason": "queue is full"}, "status": 429}


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_cluster_is_asked_again(make: Make, node: Node, status: int):
    answer = numbers(*range(50))
    with Proxy(node.url, bulks_only(lambda n: Answer(status, BUSY) if n < 3 else None)) as proxy:
        assert make(proxy.url).replace(answer.partition, answer) == Written(50, 0, 0)
        assert len(proxy.bulks) == 4
    assert len(node.documents("monolith")) == 50


def test_a_cluster_that_stays_busy(make: Make, node: Node):
    with Proxy(node.url, bulks_only(lambda n: Answer(503, BUSY))) as proxy:
        error = failure(make(proxy.url), numbers(1))
    assert isinstance(error, TemporaryError)
    assert str(error) == "Elasticsearch cannot write to monolith-2024-02 now (503): queue is full"


NOWHERE = "index.routing.allocation.require._name"


def test_a_search_waits_for_an_index_that_starts(make: Make, node: Node):
    """As one that another partition has just made: Elasticsearch searches nothing while it has a shard less."""
    refused = []

    def rule(asked: Asked, forward: Forward) -> Answer:
        if "/_search" not in asked.path or refused:
            return forward()
        node.ask("PUT", "/monolith-2024-09?wait_for_active_shards=0", {"settings": {NOWHERE: "nowhere"}})
        refused.append(forward())
        node.ask("PUT", "/monolith-2024-09/_settings", {NOWHERE: None})
        return refused[0]

    answer, again = numbers(1, 2), numbers(2, 3)
    make().replace(answer.partition, answer)
    with Proxy(node.url, rule) as proxy:
        again.drifted = True  # which is looked for under the alias, not only in its own index
        assert make(proxy.url).replace(again.partition, again) == Written(1, 1, 1)
    assert [each.status for each in refused] == [503]


def test_a_search_that_stays_refused(make: Make, node: Node, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(held, "WAITS", (0.01, 0.01))
    searches = []

    def rule(asked: Asked, forward: Forward) -> Answer:
        if not asked.path.startswith("/monolith/_search"):
            return forward()
        searches.append(asked)
        return Answer(503, BUSY)

    with Proxy(node.url, rule) as proxy, pytest.raises(TemporaryError) as caught:
        list(make(proxy.url).digests(None))
    assert str(caught.value) == "Elasticsearch cannot search monolith now (503): queue is full"
    assert len(searches) == 3


@pytest.mark.parametrize("seconds", ["3600", "0"])
def test_a_cluster_that_says_when(make: Make, node: Node, seconds: str):
    def faults(n: int) -> Answer | None:
        return Answer(503, BUSY, {"retry-after": seconds}) if not n else None

    with Proxy(node.url, bulks_only(faults)) as proxy:
        if seconds == "0":
            assert make(proxy.url).replace(numbers(1).partition, numbers(1)) == Written(1, 0, 0)
        else:
            error = failure(make(proxy.url), numbers(1))
            assert isinstance(error, TemporaryError)
            assert error.retry_after == 3600
            assert len(proxy.bulks) == 1


def test_only_what_was_refused_is_sent_again(make: Make, node: Node):
    """Every third document of the first requests is refused, and never reaches the node."""

    def rule(asked: Asked, forward: Forward) -> Answer:
        if not asked.is_bulk or len(proxy.bulks) > 2:
            return forward()
        return proxy.forward_some(asked, lambda number: bool(number % 3))

    answer = numbers(*range(90))
    with Proxy(node.url) as proxy:
        proxy.rule = rule
        assert make(proxy.url).replace(answer.partition, answer) == Written(90, 0, 0)
        assert [len(lines(each.body)) for each in proxy.bulks] == [90, 30, 10]
    assert len(node.documents("monolith")) == 90


def test_an_answer_that_is_lost_after_the_write(make: Make, node: Node):
    def rule(asked: Asked, forward: Forward) -> Answer:
        answer = forward()
        if asked.is_bulk and len(proxy.bulks) == 1:
            raise Cut
        return answer

    answer = numbers(*range(20))
    with Proxy(node.url) as proxy:
        proxy.rule = rule
        assert make(proxy.url).replace(answer.partition, answer) == Written(0, 0, 20)
    assert len(node.documents("monolith")) == 20


def test_a_node_that_is_gone_is_passed_over(make: Make, node: Node):
    answer = numbers(*range(20))
    nobody = f"http://127.0.0.1:{free_port()}"
    assert make([nobody, node.url]).replace(answer.partition, answer) == Written(20, 0, 0)


def test_a_node_that_goes_away(make: Make, node: Node):
    def rule(asked: Asked, forward: Forward) -> Answer:
        if asked.is_bulk:
            raise Cut
        return forward()

    answer = numbers(*range(20))
    with Proxy(node.url, rule) as going:
        target = make([going.url, node.url])
        for day in range(4):
            of_day = staged([{"n": 1}], day=DAY + day * ONE_DAY)
            target.replace(of_day.partition, of_day)
    target.replace(answer.partition, answer)
    assert len(node.documents("monolith")) == 23


def test_nobody_is_there(make: Make):
    urls = [f"http://127.0.0.1:{free_port()}" for _ in range(2)]
    error = failure(make(urls), numbers(1))
    assert isinstance(error, TemporaryError)
    assert "no connection to Elasticsearch" in str(error)
    assert "Connection refused" in str(error)


def test_a_server_that_is_not_elasticsearch(make: Make, node: Node):
    def rule(asked: Asked, forward: Forward) -> Answer:
        return Answer(200, b"<html>", {"x-elastic-product": "no", "content-type": "text/html"})

    with Proxy(node.url, rule) as proxy:
        assert "not Elasticsearch" in str(failure(make(proxy.url), numbers(1)))


@pytest.mark.parametrize("limit", [3000, 100])
def test_requests_that_are_too_large_are_halved(make: Make, node: Node, limit: int):
    def rule(asked: Asked, forward: Forward) -> Answer:
        return Answer(413) if asked.is_bulk and len(asked.body) > limit else forward()

    answer = numbers(*range(100))
    with Proxy(node.url, rule) as proxy:
        target = make(proxy.url)
        if limit == 100:
            error = failure(target, answer)
            assert isinstance(error, PermanentError)
            assert "more than the server takes in one request" in str(error)
        else:
            assert target.replace(answer.partition, answer) == Written(100, 0, 0)
            refused = len([each for each in proxy.bulks if len(each.body) > limit])
            again = staged([{"m": n} for n in range(100)], day=DAY + ONE_DAY)
            target.replace(again.partition, again)
            assert len([each for each in proxy.bulks if len(each.body) > limit]) == refused, "it remembers"
    assert len(node.documents("monolith")) == (0 if limit == 100 else 200)


def test_a_lost_lease_writes_nothing(make: Make, node: Node):
    answer = numbers(1, 2)

    def lost() -> None:
        raise LeaseLost("taken over")

    answer.fence = lost  # type: ignore[method-assign]
    with pytest.raises(LeaseLost):
        make().replace(answer.partition, answer)
    assert node.documents("monolith") == {}


def test_an_index_has_the_name_of_the_alias(make: Make, node: Node):
    node.ask("PUT", "/monolith")
    target = make()
    assert "there is an index monolith" in str(failure(target, numbers(1)))
    with pytest.raises(PermanentError, match="there is an index monolith"):
        target.check()


def test_a_template_of_somebody_else(make: Make, node: Node):
    node.ask("PUT", "/_index_template/monolith", {"index_patterns": ["mine-*"]})
    assert "did not make" in str(failure(make(), numbers(1)))


def test_a_lifecycle_policy_is_sent_only_when_asked_for(make: Make):
    assert "unknown setting [index.lifecycle.name]" in str(failure(make(ilm_policy="metrics"), numbers(1)))


def test_a_server_that_cuts_what_is_too_large(make: Make, node: Node):
    def rule(asked: Asked, forward: Forward) -> Answer:
        if asked.is_bulk and len(asked.body) > 5000:
            raise Cut
        return forward()

    answer = numbers(*range(100))
    with Proxy(node.url, rule) as proxy:
        assert make(proxy.url).replace(answer.partition, answer) == Written(100, 0, 0)
    assert len(node.documents("monolith")) == 100
