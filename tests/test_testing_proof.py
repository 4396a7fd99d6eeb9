"""The test kit proves itself: each broken plugin is caught by the case that is about it, and only there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from support.broken import others, sources, targets

pytest_plugins = ["pytester"]

TARGETS = """
    import pytest
    from support.broken.targets import BROKEN, Shelf
    from monolith_core.testing import TargetSuite

    class TestRight(TargetSuite):
        plugin = Shelf
        patience = 0.1
        examples = 10

        @pytest.fixture
        def options(self, tmp_path):
            return {"file": str(tmp_path / "shelf")}

        @pytest.fixture
        def unreachable(self, tmp_path):
            return {"file": str(tmp_path / "shelf"), "server": "down", "password": "a-secret-word"}

        def held(self, target, partition):
            return target.read().get(partition, {}).values()

        def damage(self, target, partition):
            held = target.read()
            key, record = next(iter(held[partition].items()))
            held[partition][key] = record._replace(data=b"{}")
            target.write(held)

    for name, plugin in BROKEN.items():
        globals()[f"Test{name}"] = type(f"Test{name}", (TestRight,), {"plugin": plugin})
"""

SOURCES = """
    import datetime as dt
    from zoneinfo import ZoneInfo
    import pytest
    from support.broken.sources import BROKEN, AsyncVisits, Purging, Versioned, Visits
    from monolith_core import Record
    from monolith_core.testing import SourceSuite

    def expected(zone):
        for hour in range(-2, 72):
            at = dt.datetime(2024, 2, 28, tzinfo=dt.UTC) + dt.timedelta(hours=hour)
            day = at.astimezone(zone).date()
            if dt.date(2024, 2, 28) <= day <= dt.date(2024, 3, 1):
                yield Record(day, "visit", {"at": at, "visitors": at.hour * 3 % 7})

    class TestRight(SourceSuite):
        plugin = Visits
        days = "2024-02-28", "2024-03-01"
        timezone = "Europe/Madrid"
        patience = 0.1

        @pytest.fixture
        def unreachable(self):
            return {"server": "down", "password": "a-secret-word"}

        @pytest.fixture
        def expected(self):
            return list(expected(ZoneInfo(self.timezone)))

    class TestRightAsync(TestRight):
        plugin = AsyncVisits

    class TestRightVersioned(TestRight):
        plugin = Versioned

    class TestRightPurging(TestRight):
        plugin = type("RightPurging", (Purging,), {"caught_by": ""})

    for name, plugin in BROKEN.items():
        if plugin.caught_by:
            globals()[f"Test{name}"] = type(f"Test{name}", (TestRight,), {"plugin": plugin})
"""


OTHERS = """
    from support.broken import others
    from monolith_core.testing import ExecutorSuite, HooksSuite, TransformSuite

    class TestRightTransform(TransformSuite):
        plugin = others.Doubled
        given = [{"n": n} for n in (1, 2, 5)]
        expected = [{"n": n} for n in (2, 4, 10)]

    class TestRightExecutor(ExecutorSuite):
        plugin = others.Elsewhere
        patience = 0.1

    class TestRightHooks(HooksSuite):
        plugin = others.Hears
        patience = 0.1

    for suite, broken in (
        (TestRightTransform, others.TRANSFORMS), (TestRightExecutor, others.EXECUTORS), (TestRightHooks, others.HOOKS)
    ):
        for name, plugin in broken.items():
            globals()[f"Test{name}"] = type(f"Test{name}", (suite,), {"plugin": plugin})
"""

Cases = dict[str, set[str]]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], tuple[Cases, Cases]]:
    """Runs a module of suites in a process of its own: which cases of each suite failed, and which passed."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))

    def run(module: str) -> tuple[Cases, Cases]:
        pytester.makepyfile(test_suites=module)
        report = pytester.path / "report.xml"
        pytester.runpytest_subprocess("-p", "no:cacheprovider", "--tb=short", "-W", "error", f"--junitxml={report}")
        failed, passed = defaultdict(set), defaultdict(set)
        for case in ElementTree.parse(report).iter("testcase"):
            assert case.find("error") is None, ElementTree.tostring(case).decode()
            suite = case.attrib["classname"].rpartition(".")[2]
            if case.find("skipped") is None:
                (passed if case.find("failure") is None else failed)[suite].add(case.attrib["name"].partition("[")[0])
        return failed, passed

    return run


def expected(broken: dict[str, Any]) -> dict[str, set[str]]:
    return {f"Test{name}": {plugin.caught_by} for name, plugin in broken.items() if plugin.caught_by}


@pytest.mark.slow
def test_each_broken_target_is_caught_by_its_case_and_only_there(run):
    caught, good = run(TARGETS)
    assert len(expected(targets.BROKEN)) >= 40
    assert caught == expected(targets.BROKEN)
    assert {plugin.caught_by for plugin in targets.BROKEN.values()} | {"test_writes"} == good["TestRight"]


@pytest.mark.slow
def test_each_broken_source_is_caught_by_its_case_and_only_there(run):
    caught, good = run(SOURCES)
    assert len(expected(sources.BROKEN)) >= 30
    assert caught == expected(sources.BROKEN)
    everywhere = set().union(*(cases for suite, cases in good.items() if suite.startswith("TestRight")))
    offers = {"test_offers_what_it_yields"}
    assert {plugin.caught_by for plugin in sources.BROKEN.values() if plugin.caught_by} - offers == everywhere


@pytest.mark.slow
def test_each_other_broken_plugin_is_caught_by_its_case_and_only_there(run):
    caught, good = run(OTHERS)
    broken = others.TRANSFORMS | others.EXECUTORS | others.HOOKS
    assert len(broken) == len(others.TRANSFORMS) + len(others.EXECUTORS) + len(others.HOOKS)
    assert caught == expected(broken)
    for suite, plugins in (("Transform", others.TRANSFORMS), ("Executor", others.EXECUTORS), ("Hooks", others.HOOKS)):
        assert {plugin.caught_by for plugin in plugins.values()} <= good[f"TestRight{suite}"]
