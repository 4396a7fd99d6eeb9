"""The pytest plugin of the test kit: fixtures, and what the marks of the suites' cases mean.

pytest loads it wherever monolith-core is installed, so it imports the kit only when a fixture is used.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from monolith_core.plugin import Connector
    from monolith_core.testing import Bench, Clock, Memory, Service

_failed = pytest.StashKey[set[tuple[str, str]]]()
"""The cases that failed in this session: the node id of their class, and their name."""


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marks."""
    config.stash[_failed] = set()
    config.addinivalue_line("markers", "monolith_claims(flag): a case about what a plugin may not claim")
    config.addinivalue_line("markers", "monolith_after(*cases): a case that cannot judge where others fail")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a case whose flag is off, or that comes after one that failed."""
    if not isinstance(item, pytest.Function) or item.cls is None:
        return
    for mark in item.iter_markers("monolith_claims"):
        (flag,) = mark.args
        if not getattr(item.cls, flag):
            pytest.skip(f"{item.cls.__name__}.{flag} is off")
    for mark in item.iter_markers("monolith_after"):
        for case in mark.args:
            if (_class(item), case) in item.config.stash[_failed]:
                pytest.skip(f"cannot be judged while {case} fails")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Iterator[None]:  # the report that pytest makes
    """Remember what failed."""
    report: pytest.TestReport = yield  # type: ignore[assignment]
    if report.failed and isinstance(item, pytest.Function):
        item.config.stash[_failed].add((_class(item), item.originalname))
    return report  # type: ignore[return-value]


def _class(item: pytest.Item) -> str:
    return item.parent.nodeid if item.parent else ""


@pytest.fixture(scope="session")
def _monolith_empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of an empty storage: to copy one is faster than to make one."""
    from monolith_core.storage import Storage

    file = tmp_path_factory.mktemp("monolith") / "empty.sqlite"
    Storage.open(f"sqlite:///{file}").close()
    return file


@pytest.fixture
def monolith_storage(tmp_path: Path, _monolith_empty: Path) -> Iterator[Connector]:
    """An open storage in an SQLite file of this test's own."""
    from monolith_core.storage import Storage

    file = tmp_path / "monolith-storage.sqlite"
    shutil.copy(_monolith_empty, file)
    storage = Storage.open(f"sqlite:///{file}")
    yield storage
    storage.close()


@pytest.fixture
def monolith_clock() -> Clock:
    """A clock that stands at noon of 10 March 2024, UTC, until it is moved."""
    from monolith_core.testing import Clock

    return Clock()


@pytest.fixture
def monolith_memory() -> Memory:
    """What a memory target keeps; see `memory_target`."""
    from monolith_core.testing import Memory

    return Memory()


@pytest.fixture
def monolith_bench(tmp_path: Path, _monolith_empty: Path, monolith_clock: Clock) -> Bench:
    """Whole runs on a storage of this test's own, by `monolith_clock`."""
    from monolith_core.testing import Bench

    file = tmp_path / "monolith-bench.sqlite"
    shutil.copy(_monolith_empty, file)
    return Bench(f"sqlite:///{file}", monolith_clock)


@pytest.fixture
def monolith_service() -> Iterator[Service]:
    """A local HTTP service that knows nothing yet."""
    from monolith_core.testing import Service

    with Service() as service:
        yield service
