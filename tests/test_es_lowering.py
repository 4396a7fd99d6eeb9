"""A new index does without refresh and replicas while it is filled, and gets them back in every case."""

from __future__ import annotations

import datetime as dt
import json
import logging
import re
import signal
from pathlib import Path
from typing import Any

import pytest
from support.elasticsearch_node import Node
from support.es_fixtures import Make, make
from support.es_job import Job
from support.es_proxy import Answer, Asked, Cut, Forward, Proxy
from support.servers import free_port
from support.staging import DAY, MemoryStaged, staged

from monolith_core.partition import ONE_DAY
from monolith_plugins_es import lowering
from monolith_plugins_es.target import ElasticsearchTarget

__all__ = ["make"]

pytestmark = pytest.mark.server

INDEX = "monolith-2024-02"
LOWERED = ("-1", "0")


def one(day: dt.date = DAY) -> MemoryStaged:
    return staged([{"n": 1}], day=day)


def settings(node: Node, index: str = INDEX) -> tuple[str | None, str]:
    """The refresh interval (None: Elasticsearch's own) and the number of replicas."""
    found = node.ask("GET", f"/{index}/_settings")[index]["settings"]["index"]
    return found.get("refresh_interval"), found["number_of_replicas"]


def meta(node: Node, index: str = INDEX) -> Any:
    return node.ask("GET", f"/{index}/_mapping")[index]["mappings"].get("_meta")


@pytest.mark.parametrize(
    ("lower", "meanwhile"), [("nothing", (None, "2")), ("refresh", ("-1", "2")), ("replicas", LOWERED)]
)
def test_a_month_that_is_over_is_lowered_while_it_is_filled(
    make: Make, node: Node, tmp_path: Path, lower: str, meanwhile: tuple[str | None, str]
):
    own = tmp_path / "mapping.json"
    own.write_text(json.dumps({"_meta": {"team": "shop", "monolith": {"mine": 1}}}), encoding="utf-8")
    target = make(lower=lower, replicas=2, mappings=str(own))
    target.replace(one().partition, one())
    assert settings(node) == meanwhile
    target.close()
    assert settings(node) == (None, "2")
    assert meta(node) == {"team": "shop", "monolith": {"mine": 1}}
    assert len(node.documents("monolith")) == 1


def test_the_present_month_is_not_lowered(make: Make, node: Node):
    today = dt.datetime.now(dt.UTC).date()
    make(lower="replicas", replicas=1).replace(one(today).partition, one(today))
    assert settings(node, f"monolith-{today:%Y-%m}") == (None, "1")


def test_an_index_that_is_there_is_left_alone(make: Make, node: Node):
    make(lower="nothing", replicas=1).replace(one().partition, one())
    node.ask("PUT", f"/{INDEX}/_settings", {"index": {"refresh_interval": "-1", "number_of_replicas": "0"}})
    target = make(lower="replicas", replicas=1)
    target.setup()
    target.replace(one(DAY - ONE_DAY).partition, one(DAY - ONE_DAY))
    target.close()
    assert settings(node) == LOWERED, "as its owner wants it"


def test_what_somebody_set_meanwhile_is_kept(make: Make, node: Node):
    target = make(lower="replicas", replicas=1)
    target.replace(one().partition, one())
    node.ask("PUT", f"/{INDEX}/_settings", {"index": {"refresh_interval": "7s"}})
    target.close()
    assert settings(node) == ("7s", "1")


def test_an_index_that_nothing_is_written_to_any_more_is_put_back(
    make: Make, node: Node, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(lowering, "IDLE", 0.0)
    target = make()
    target.replace(one().partition, one())
    earlier = one(dt.date(2024, 1, 31))
    target.replace(earlier.partition, earlier)
    assert settings(node) == (None, "0")
    assert settings(node, "monolith-2024-01") == LOWERED


def months(target: ElasticsearchTarget, *numbers: int) -> None:
    """Fill indices of these months of 2024."""
    for number in numbers:
        answer = one(dt.date(2024, number, 1))
        target.replace(answer.partition, answer)


def test_many_indices_are_put_back_at_once(make: Make, node: Node):
    with Proxy(node.url) as proxy:
        target = make(proxy.url, lower="replicas", replicas=1)
        months(target, 1, 2, 3)
        node.ask("PUT", "/monolith-2024-02/_settings", {"index": {"number_of_replicas": 2}})
        target.close()
        changes = [each.path for each in proxy.asked if each.path.endswith(("/_settings", "/_mapping"))]
    assert sorted(changes) == [
        "/monolith-2024-01,monolith-2024-02,monolith-2024-03/_mapping",
        "/monolith-2024-01,monolith-2024-03/_settings",
        "/monolith-2024-02/_settings",
    ]
    assert [settings(node, f"monolith-2024-0{month}") for month in (1, 2, 3)] == [(None, "1"), (None, "2"), (None, "1")]
    assert meta(node) == {}


@pytest.mark.parametrize("replicas", [0, 1])
def test_only_a_new_index_with_replicas_asks_for_the_nodes(make: Make, node: Node, replicas: int):
    with Proxy(node.url) as proxy:
        months(make(proxy.url, replicas=replicas), 1, 2)
        asked = [each for each in proxy.asked if each.path.startswith("/_cluster/health")]
    assert len(asked) == 2 * replicas


def test_one_that_cannot_be_changed_holds_up_no_other(make: Make, node: Node, caplog: pytest.LogCaptureFixture):
    target = make()
    months(target, 1, 2, 3)
    node.ask("PUT", f"/{INDEX}/_settings", {"index.blocks.read_only": True})
    target.close()
    (record,) = caplog.records
    assert f"{INDEX} stays without some settings until the next run" in record.getMessage()
    assert [settings(node, f"monolith-2024-0{month}")[0] for month in (1, 2, 3)] == [None, "-1", None]


def test_an_index_that_was_deleted_meanwhile(make: Make, node: Node, caplog: pytest.LogCaptureFixture):
    target = make()
    target.replace(one().partition, one())
    node.ask("DELETE", f"/{INDEX}")
    target.close()
    assert not caplog.records


@pytest.mark.parametrize("cut", ["_settings", "_mapping"])
def test_a_cluster_that_goes_away_before_the_end(make: Make, node: Node, caplog: pytest.LogCaptureFixture, cut: str):
    """It is told, and the next run puts back what is left."""

    def rule(asked: Asked, forward: Forward) -> Answer:
        if asked.method == "PUT" and asked.path.endswith(cut):
            raise Cut
        return forward()

    with Proxy(node.url, rule) as proxy:
        target = make(proxy.url, lower="replicas", replicas=1)
        target.replace(one().partition, one())
        target.close()
    (record,) = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert f"{INDEX} stays without some settings until the next run: no connection" in record.getMessage()
    assert f"; still lowered: {INDEX}; a run fills" in make().check()
    make().setup()
    assert settings(node) == (None, "1")
    assert meta(node) == {}


def test_a_cluster_that_is_not_there_holds_up_no_phase(make: Make):
    make(f"http://127.0.0.1:{free_port()}").setup()


# In the middle of the load, and when all is done and nothing will be due any more.
@pytest.mark.parametrize("fault", ["replaced:6", "released:2"])
def test_killed_during_a_backfill(tmp_path: Path, node: Node, fault: str):
    job = Job(tmp_path)
    job.configure(elasticsearch={"url": node.url, "lower": "replicas", "replicas": 1})
    status, output = job.run(fault=fault)
    assert status == -signal.SIGKILL, output
    assert settings(node) == LOWERED
    assert re.search(rf"; still lowered: .*{INDEX}; a run fills", job.monolith("check"))
    # Refresh and replicas are put back by the next run even if that is told to lower nothing.
    job.configure(elasticsearch={"url": node.url, "lower": "nothing", "replicas": 1})
    job.extract()
    for month in ("01", "02"):
        assert settings(node, f"monolith-2024-{month}") == (None, "1")
    assert "lowered" not in job.monolith("check")
    job.monolith("reconcile", "--deep")
