"""What happens to an index behind monolith's back is found by `monolith reconcile` and put right again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support.elasticsearch_node import OLDEST, Node
from support.es_job import PER_DAY, Job
from support.es_proxy import Answer, Asked, Forward, Proxy

pytestmark = pytest.mark.server

DAY, NEXT = "2024-01-31", "2024-02-01"
Documents = dict[str, dict[str, Any]]


class Loaded(NamedTuple):
    """A job whose archive is in a node, and what the node holds of it."""

    job: Job
    node: Node
    documents: Documents

    def of(self, day: str) -> Documents:
        return {name: each for name, each in self.documents.items() if each["date"] == day}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory, node_of: Callable[[str], Node]) -> Loaded:
    job, node = Job(tmp_path_factory.mktemp("drift")), node_of(OLDEST)
    node.forget()
    job.configure(elasticsearch=node.url)
    job.extract()
    return Loaded(job, node, node.documents("monolith"))


def index_of(name: str) -> str:
    return f"monolith-{name[:4]}-{name[4:6]}"


def put(node: Node, name: str, document: dict[str, Any], index: str = "") -> None:
    node.ask("PUT", f"/{index or index_of(name)}/_doc/{name}", document)


def delete(node: Node, name: str) -> None:
    node.ask("DELETE", f"/{index_of(name)}/_doc/{name}")


def deleted(loaded: Loaded) -> None:
    delete(loaded.node, next(iter(loaded.of(DAY))))


def added(loaded: Loaded) -> None:
    put(loaded.node, "mine", next(iter(loaded.of(DAY).values())), "monolith-2024-01")


def replaced(loaded: Loaded) -> None:
    """One gone and another one twice: the count is right."""
    deleted(loaded)
    put(loaded.node, "mine", list(loaded.of(DAY).values())[1], "monolith-2024-01")


def swapped(loaded: Loaded) -> None:
    """A document of each of two days says that it is of the other one."""
    (one, first), (other, second) = (next(iter(loaded.of(day).items())) for day in (DAY, NEXT))
    put(loaded.node, one, {**first, "date": NEXT})
    put(loaded.node, other, {**second, "date": DAY})


def emptied(loaded: Loaded) -> None:
    for name in loaded.of(DAY):
        delete(loaded.node, name)


def index_deleted(loaded: Loaded) -> None:
    loaded.node.ask("DELETE", "/monolith-2024-02")


def everything_deleted(loaded: Loaded) -> None:
    for month in ("01", "02"):
        loaded.node.ask("DELETE", f"/monolith-2024-{month}")


def restored(loaded: Loaded) -> None:
    """From a snapshot of the day before, when the newest day was not there and the one before it was incomplete."""
    index_deleted(loaded)
    lines = b""
    for name in list(loaded.of(NEXT))[: PER_DAY - 5]:
        action = {"index": {"_index": "monolith-2024-02", "_id": name}}
        lines += json.dumps(action).encode() + b"\n" + json.dumps(loaded.documents[name]).encode() + b"\n"
    loaded.node.ask("POST", "/_bulk", lines)


def changed(loaded: Loaded) -> None:
    name, document = next(iter(loaded.of(DAY).items()))
    put(loaded.node, name, {**document, "price": -1})


def bodies_swapped(loaded: Loaded) -> None:
    """Two documents of one day under each other's id, so that the sums are right."""
    (one, first), (other, second), *_ = loaded.of(DAY).items()
    put(loaded.node, one, second)
    put(loaded.node, other, first)


CASES: list[tuple[Callable[[Loaded], None], dict[str, str]]] = [
    (deleted, {DAY: "different"}),
    (added, {DAY: "different"}),
    (replaced, {DAY: "different"}),
    (swapped, {DAY: "different", NEXT: "different"}),
    (emptied, {DAY: "missing"}),
    (index_deleted, {NEXT: "missing", "2024-02-02": "missing"}),
    (restored, {NEXT: "different", "2024-02-02": "missing"}),
    (everything_deleted, dict.fromkeys(("2024-01-30", DAY, NEXT, "2024-02-02"), "missing")),
    (changed, {DAY: "body"}),
    (bodies_swapped, {DAY: "body"}),
]


def differences(job: Job, *arguments: str, expect: int = 1) -> dict[str, str]:
    """The days of the shop that differ, and how."""
    found = json.loads(job.monolith("reconcile", "--target", "elasticsearch", "--json", *arguments, expect=expect))
    assert {each["source"] for each in found["differences"]} <= {"shop"}
    return {each["date"]: each["kind"] for each in found["differences"]}


@pytest.mark.parametrize(("damage", "kinds"), CASES, ids=lambda value: getattr(value, "__name__", ""))
def test_drift_is_found_and_repaired(loaded: Loaded, damage: Callable[[Loaded], None], kinds: dict[str, str]):
    damage(loaded)
    deep = ["--deep"] if "body" in kinds.values() else []
    if deep:
        assert differences(loaded.job, expect=0) == {}, "only the bodies tell"
    assert differences(loaded.job, *deep) == kinds
    assert differences(loaded.job, *deep, "--repair", expect=0) == kinds
    assert loaded.node.documents("monolith") == loaded.documents
    assert differences(loaded.job, "--deep", expect=0) == {}


def test_what_another_day_has_put_right_meanwhile_is_not_deleted(loaded: Loaded):
    """Days are written side by side: a document that was found where it does not belong may be at its place again."""
    job, node = loaded.job, loaded.node
    swapped(loaded)
    right = next(iter(loaded.of(DAY).items()))

    def rule(asked: Asked, forward: Forward) -> Answer:
        if asked.is_bulk and right[0].encode() in asked.body and b'{"delete"' in asked.body:
            put(node, *right)
        return forward()

    with Proxy(node.url, rule) as proxy:
        job.configure(elasticsearch=proxy.url)
        assert differences(job) == {DAY: "different", NEXT: "different"}
        differences(job, "--date", NEXT, "--repair", expect=0)
    job.configure(elasticsearch=node.url)
    assert right[0] in node.documents("monolith")
    job.extract()
    # It was not written byte by byte as monolith does.
    assert differences(job, "--deep", "--repair", expect=0) == {DAY: "body"}
    assert node.documents("monolith") == loaded.documents


def test_a_day_that_the_ledger_does_not_know(loaded: Loaded):
    """It is not deleted unasked: by force only."""
    job, node = loaded.job, loaded.node
    stray = next(iter(loaded.of(DAY).values()))
    put(node, "mine", {**stray, "date": "2023-05-05"}, "monolith-2023-05")
    assert differences(job) == {"2023-05-05": "unknown"}
    assert differences(job, "--repair") == {"2023-05-05": "unknown"}
    assert "held" in job.monolith("status", "--target", "elasticsearch")
    assert "mine" in node.documents("monolith")
    job.extract("--sequence", "load", "--source", "shop", "--date", "2023-05-05", "--force")
    assert node.documents("monolith") == loaded.documents
    assert differences(job, expect=0) == {}


def test_another_source_that_nobody_archived(loaded: Loaded):
    node = loaded.node
    stray = next(iter(loaded.of(DAY).values()))
    put(node, "mine", {**stray, "monolith": {**stray["monolith"], "source": "gone"}}, "monolith-2024-01")
    found = json.loads(loaded.job.monolith("reconcile", "--target", "elasticsearch", "--json", expect=1))
    assert [(each["source"], each["date"], each["kind"]) for each in found["differences"]] == [("gone", DAY, "unknown")]
    node.ask("DELETE", "/monolith-2024-01/_doc/mine")


def test_what_could_not_be_repaired_is_shown_and_repaired_by_the_next_plain_run(loaded: Loaded):
    """Who repairs meets a cluster that takes no writes just then."""
    job, node = loaded.job, loaded.node
    refused = {"error": {"type": "cluster_block_exception", "reason": "blocked by: [FORBIDDEN/8/index write (api)];"}}

    def rule(asked: Asked, forward: Forward) -> Answer:
        return Answer(403, refused) if asked.is_bulk and refusing else forward()

    with Proxy(node.url, rule) as proxy:
        refusing = False
        job.configure(elasticsearch=proxy.url)
        job.extract()  # the url is another one, so that everything is compared once
        deleted(loaded)
        refusing = True
        assert differences(job, "--repair") == {DAY: "different"}
        assert f"failed  shop {DAY} into elasticsearch" in job.monolith("status", "--target", "elasticsearch")
        assert differences(job) == {DAY: "different"}
        refusing = False
        job.extract()
        assert node.documents("monolith") == loaded.documents
        assert "needs a look" not in job.monolith("status", "--target", "elasticsearch")
        assert differences(job, expect=0) == {}
    job.configure(elasticsearch=node.url)
    job.extract()


def test_who_is_killed_before_the_repair_leaves_it_to_the_next_plain_run(loaded: Loaded):
    job = loaded.job
    deleted(loaded)
    program = Path(sys.executable).parent / "monolith"
    command = [program, "reconcile", job.config, "--target", "elasticsearch", "--repair"]
    environment = os.environ | {"MONOLITH_FAULT": "replacing"}
    killed = subprocess.run(command, env=environment, capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL
    status = job.monolith("status", "--target", "elasticsearch")
    assert f"drift  shop {DAY} into elasticsearch: 49 records were found where the ledger says 50" in status
    assert "the next run writes it again" in status
    job.extract()
    assert loaded.node.documents("monolith") == loaded.documents
    assert differences(job, "--deep", expect=0) == {}


def test_reading_is_enough_to_reconcile(loaded: Loaded):
    """A user who may not write, nor refresh, nor make templates."""

    def rule(asked: Asked, forward: Forward) -> Answer:
        reads = asked.path.partition("?")[0].endswith(("_search", "_pit")) or asked.method == "GET"
        denied = {"error": {"type": "security_exception", "reason": "unauthorized"}}
        return forward() if reads else Answer(403, denied)

    with Proxy(loaded.node.url, rule) as proxy:
        loaded.job.configure(elasticsearch=proxy.url)
        assert differences(loaded.job, "--deep", expect=0) == {}
    loaded.job.configure(elasticsearch=loaded.node.url)


def test_days_may_be_chosen(loaded: Loaded):
    deleted(loaded)
    assert differences(loaded.job, "--date", NEXT, expect=0) == {}
    assert differences(loaded.job, "--start-date", DAY, "--end-date", DAY) == {DAY: "different"}
    assert differences(loaded.job, "--source", "shop", "--repair", expect=0) == {DAY: "different"}
    assert loaded.node.documents("monolith") == loaded.documents
