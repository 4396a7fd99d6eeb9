"""The elasticsearch target on a real node: after `replace` the index holds exactly what was staged."""

from __future__ import annotations

import datetime as dt
import json
import time

import pytest
from support.elasticsearch_node import VERSIONS, Node
from support.es_fixtures import Make, make, target
from support.es_proxy import Proxy
from support.staging import DAY, MemoryStaged, staged

from monolith_core.partition import ONE_DAY, Partition, Window
from monolith_core.plugin import Written
from monolith_plugins_es.documents import document_id
from monolith_plugins_es.target import ElasticsearchTarget

__all__ = ["make", "target"]

pytestmark = [pytest.mark.server, pytest.mark.parametrize("version", VERSIONS, indirect=True, scope="session")]

AWKWARD = [
    {"text": "é 😀 \u0000 \\ ' \" % %s \n\r\t\x1a"},
    {"long": "x" * 40_000},
    {"n": 2**70, "f": 1e-7, "null": None, "deep": [[{"a": []}]]},
    {"a.b": 1, "nested": {"a": {"b": "c"}}, "k" * 300: True},
    {},
]


def numbers(*values: int) -> MemoryStaged:
    return staged({"n": value} for value in values)


def expected(*answers: MemoryStaged) -> dict[str, dict[str, object]]:
    """The documents of some partitions, by id."""
    return {
        document_id(answer.partition.date, each.id): {
            "date": answer.partition.date.isoformat(),
            "monolith": {
                "source": answer.partition.source,
                "category": each.category,
                "a": int.from_bytes(each.id[:4]),
                "b": int.from_bytes(each.id[4:8]),
            },
            **json.loads(each.data),
        }
        for answer in answers
        for each in answer
    }


def writes(node: Node) -> int:
    """How many documents were created or deleted since the node's start."""
    totals = node.ask("GET", "/_stats/indexing")["_all"]["total"].get("indexing", {})
    return int(totals.get("index_total", 0)) + int(totals.get("delete_total", 0))


def test_the_first_time_all_is_added(target: ElasticsearchTarget, node: Node):
    answer = staged(AWKWARD)
    assert target.replace(answer.partition, answer) == Written(5, 0, 0)
    assert node.documents("monolith") == expected(answer)
    assert answer.fences


def test_the_same_again_writes_nothing(make: Make, node: Node):
    answer = staged(AWKWARD)
    make().replace(answer.partition, answer)
    before = writes(node)
    assert make().replace(answer.partition, answer) == Written(0, 0, 5)
    assert writes(node) == before


@pytest.mark.parametrize("again", [False, True], ids=["same object", "another run"])
def test_only_the_difference_is_written(make: Make, node: Node, *, again: bool):
    before, after = numbers(*range(2000)), numbers(*range(500, 2600))
    target = make(bulk_bytes=20_000)
    target.replace(before.partition, before)
    target = make(bulk_bytes=20_000) if again else target
    assert target.replace(after.partition, after) == Written(600, 500, 1500)
    assert node.documents("monolith") == expected(after)


def test_an_empty_answer_empties_the_partition_alone(target: ElasticsearchTarget, node: Node):
    others = [staged([{"n": 1}], source="other"), staged([{"n": 1}], day=DAY + ONE_DAY)]
    for answer in [numbers(1, 2), *others]:
        target.replace(answer.partition, answer)
    assert target.replace(numbers().partition, numbers()) == Written(0, 2, 0)
    assert node.documents("monolith") == expected(*others)


def test_an_empty_answer_makes_no_index(target: ElasticsearchTarget, node: Node):
    assert target.replace(numbers().partition, numbers()) == Written(0, 0, 0)
    assert node.ask("GET", "/_all/_settings") == {}
    assert list(target.digests(None)) == []


def test_equal_records_are_all_kept(target: ElasticsearchTarget, node: Node):
    answer = numbers(1, 1, 1)
    target.replace(answer.partition, answer)
    assert node.documents("monolith") == expected(answer)


def test_a_year_lies_in_monthly_indices(target: ElasticsearchTarget, node: Node):
    days = [dt.date(2023, 12, 31), dt.date(2024, 1, 1), dt.date(2024, 1, 31), dt.date(2024, 2, 1)]
    answers = [staged([{"n": 1}], day=day) for day in days]
    for answer in answers:
        target.replace(answer.partition, answer)
    assert sorted(node.ask("GET", "/_alias/monolith")) == ["monolith-2023-12", "monolith-2024-01", "monolith-2024-02"]
    assert node.documents("monolith-2024-01") == expected(*answers[1:3])


def test_more_documents_than_a_page(make: Make, node: Node):
    before, after = numbers(*range(25_000)), numbers(*range(100, 25_050))
    make(shards=2).replace(before.partition, before)
    assert make().replace(before.partition, before) == Written(0, 0, 25_000)
    assert make(jobs=4, bulk_bytes=100_000).replace(after.partition, after) == Written(50, 100, 24_900)
    target = make()
    assert dict(target.digests(None)) == {after.partition: after.digest}
    assert target.replace(numbers().partition, numbers()) == Written(0, 24_950, 0)
    assert node.documents("monolith") == {}


def test_documents_that_monolith_did_not_write_are_removed(make: Make, node: Node):
    answer = numbers(1, 2)
    make().replace(answer.partition, answer)
    known = expected(answer)
    some = {**next(iter(known.values())), "n": 5}
    strangers = ["mine", "20240301AAAAAAAAAAAAAAAAAAAAAA", f"{next(iter(known))[:-1]}B"]
    for name in strangers:
        node.ask("PUT", f"/monolith-2024-02/_doc/{name}", some)
    node.ask("PUT", "/monolith-2024-02/_doc/routed?routing=elsewhere", some)
    assert make().replace(answer.partition, answer) == Written(0, 4, 2)
    assert node.documents("monolith") == known


def test_digests_tell_what_is_there(target: ElasticsearchTarget, node: Node):
    answers = [numbers(1, 2), staged([{"n": 1}], source="other"), staged([{"n": 1}], day=DAY + ONE_DAY)]
    for answer in answers:
        target.replace(answer.partition, answer)
    assert dict(target.digests(None)) == {answer.partition: answer.digest for answer in answers}
    assert {partition.date for partition, _ in target.digests(Window("shop", DAY, DAY))} == {DAY}
    node.ask("DELETE", f"/monolith-2024-02/_doc/{next(iter(expected(answers[1])))}")
    assert Partition("other", DAY) not in dict(target.digests(None))


def test_an_index_that_is_deleted_during_a_run(target: ElasticsearchTarget, node: Node):
    first, second = numbers(1, 2), staged([{"n": 1}], source="other")
    target.replace(first.partition, first)
    node.ask("DELETE", "/monolith-2024-02")
    target.replace(second.partition, second)
    assert sorted(node.ask("GET", "/_alias/monolith")) == ["monolith-2024-02"]
    assert node.documents("monolith") == expected(second)


def test_an_index_that_lost_its_alias_gets_it_back(make: Make, node: Node):
    answer = numbers(1)
    make().replace(answer.partition, answer)
    node.ask("DELETE", "/monolith-2024-02/_alias/monolith")
    make().replace(answer.partition, answer)
    assert node.documents("monolith") == expected(answer)


def test_what_is_written_is_read(target: ElasticsearchTarget, node: Node):
    answer = staged([*AWKWARD, {"date": DAY.isoformat(), "n": 1.50}, *({"n": n} for n in range(1200))])
    target.replace(answer.partition, answer)
    node.ask("POST", "/monolith/_refresh")
    assert set(target.records(answer.partition)) == set(answer)


CHANGES = {
    "a value": {"n": 5},
    "a field more": {"n": 1, "more": True},
    "the category": {"monolith": {"category": "other"}},
    "the order of two": {"date": DAY.isoformat()},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_was_changed_under_its_id_is_told_and_written_anew(make: Make, node: Node, change: dict[str, object]):
    answer = numbers(1, 2)
    make().replace(answer.partition, answer)
    name = document_id(DAY, next(iter(answer)).id)
    source = node.ask("GET", f"/monolith-2024-02/_doc/{name}")["_source"]
    changed = {"monolith": source["monolith"], **source}  # another order, which JSON does not mind
    for field, value in change.items():
        changed[field] = {**changed[field], **value} if isinstance(value, dict) else value
    node.ask("PUT", f"/monolith-2024-02/_doc/{name}", changed)
    node.ask("POST", "/monolith/_refresh")
    target = make()
    assert set(target.records(answer.partition)) != set(answer)
    answer.drifted = True
    assert target.replace(answer.partition, answer) == Written(0, 0, 2)
    assert node.documents("monolith") == expected(answer)
    assert set(target.records(answer.partition)) == set(answer)


def test_what_drifted_is_looked_for_under_the_whole_alias(make: Make, node: Node):
    answer, gone = numbers(1, 2), numbers()
    make().replace(answer.partition, answer)
    node.ask(
        "PUT",
        "/restored",
        {
            "aliases": {"monolith": {}},
            **node.ask("GET", "/_index_template/monolith")["index_templates"][0]["index_template"]["template"],
        },
    )
    for name, document in node.documents("monolith-2024-02").items():
        node.ask("PUT", f"/restored/_doc/{name}", document)
    target = make()
    (told,) = dict(target.digests(None)).values()
    assert told == answer.digest + answer.digest
    answer.drifted = gone.drifted = True
    assert target.replace(answer.partition, answer) == Written(0, 2, 2)
    assert node.documents("monolith") == expected(answer)
    node.ask("PUT", "/restored/_doc/mine", next(iter(expected(answer).values())))
    node.ask("DELETE", "/monolith-2024-02")
    assert make().replace(gone.partition, gone) == Written(0, 1, 0)
    assert node.documents("monolith") == {}


def test_what_is_asked_about_before_it_is_written_needs_a_refresh_once(make: Make, node: Node):
    """A load asks about each window before it writes it; each refresh would make the indices write a segment."""
    later, earlier = (staged([{"n": 1}], day=day) for day in (DAY, DAY - 40 * ONE_DAY))
    with Proxy(node.url) as proxy:
        target = make(proxy.url, refresh="never")  # so that nothing but its own questions makes it refresh
        found = []
        for answer in (later, earlier):
            found.append(dict(target.digests(Window("shop", answer.partition.date, answer.partition.date))))
            target.replace(answer.partition, answer)
        found.append(dict(target.digests(Window("shop", DAY, DAY))))
        refreshed = [each.path.partition("?")[0] for each in proxy.asked if "_refresh" in each.path]
    assert found == [{}, {}, {later.partition: later.digest}]
    assert refreshed == ["/monolith/_refresh", "/monolith-2024-02/_refresh"]


def test_a_month_that_is_full_is_refreshed_once_while_the_load_goes_on(make: Make, node: Node):
    full, late = (staged([{"n": 1}], day=day) for day in (DAY, DAY - ONE_DAY))

    def ask(day: dt.date) -> None:
        list(target.digests(Window("shop", day, day)))

    with Proxy(node.url) as proxy:
        target = make(proxy.url)
        ask(DAY)
        target.replace(full.partition, full)
        ask(DAY - 40 * ONE_DAY)
        end = time.monotonic() + 60
        while not node.ask("GET", "/monolith-2024-02/_count")["count"]:
            assert time.monotonic() < end
            time.sleep(0.01)
        target.replace(late.partition, late)
        ask(DAY - 80 * ONE_DAY)
        target.close()
        refreshed = [each.path.partition("?")[0] for each in proxy.asked if "_refresh" in each.path]
    assert refreshed == ["/monolith/_refresh", *["/monolith-2024-02/_refresh"] * 2]
    assert node.ask("GET", "/monolith-2024-02/_count")["count"] == 2
