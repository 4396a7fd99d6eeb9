"""The private servers of the tests do what the tests rely on."""

import pytest
import sqlalchemy as sa
from support.servers import MariaDB, PostgreSQL, Server


@pytest.fixture(params=[MariaDB, PostgreSQL], ids=lambda kind: kind.kind)
def server(request):
    started = request.param()
    yield started
    started.close()


def value(url: str, sql: str) -> object:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        result = connection.exec_driver_sql(sql)
        found = result.scalar() if result.returns_rows else None
    engine.dispose()
    return found


@pytest.mark.server
def test_what_is_committed_survives_a_killed_server(server: Server):
    url = server.url()
    value(url, "CREATE TABLE t (n INT)")
    value(url, "INSERT INTO t VALUES (42)")
    server.kill()
    server.start()
    assert value(url, "SELECT n FROM t") == 42
    server.restart()
    assert value(url, "SELECT n FROM t") == 42


def test_each_test_has_a_database_of_its_own(database_url: str):
    value(database_url, "CREATE TABLE t (n INT)")


def test_and_so_has_the_next_one(database_url: str):
    value(database_url, "CREATE TABLE t (n INT)")
