"""Fixtures that every test may use."""

from __future__ import annotations

import faulthandler
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from support.elasticsearch_node import OLDEST, Node, lacking
from support.servers import MariaDB, PostgreSQL, Server

settings.register_profile("monolith", deadline=None, derandomize="CI" in os.environ, print_blob=True)
settings.load_profile("monolith")


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """A process that does not end after its last test shows where it stands, and ends all the same."""
    faulthandler.dump_traceback_later(120, exit=True, file=sys.__stderr__)


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    """A MariaDB server of this session's own."""
    server = MariaDB()
    yield server
    server.close()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A PostgreSQL server of this session's own."""
    server = PostgreSQL()
    yield server
    server.close()


@pytest.fixture(scope="session")
def node_of() -> Iterator[Callable[[str], Node]]:
    """Gives this session's node of a version of Elasticsearch; skips the test where no JDK can run it."""
    nodes: dict[str, Node] = {}

    def node_of(version: str) -> Node:
        if reason := lacking(version):
            pytest.skip(reason)
        if version not in nodes:
            nodes[version] = Node(version)
            nodes[version].start()
        return nodes[version]

    yield node_of
    for node in nodes.values():
        node.close()


@pytest.fixture(scope="session")
def version(request: pytest.FixtureRequest) -> str:
    """The version of Elasticsearch: the oldest one, or that which the test is parametrised with."""
    return str(getattr(request, "param", OLDEST))


@pytest.fixture
def node(node_of: Callable[[str], Node], version: str) -> Node:
    """The session's node with nothing in it."""
    node = node_of(version)
    node.forget()
    return node


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of an SQLite database that does not exist yet."""
    return f"sqlite:///{tmp_path}/storage.sqlite"


DATABASES = [
    "sqlite",
    pytest.param("mariadb", marks=pytest.mark.server),
    pytest.param("postgresql", marks=pytest.mark.server),
]


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a fresh, empty database: the test runs once on each kind."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite_url")
        return
    server: Server = request.getfixturevalue(request.param)
    url = server.url()
    yield url
    server.drop_database(url.rpartition("/")[2])  # an empty one of PostgreSQL's takes 7 MB
