"""The classic job of the documentation's first page, whole: a marketplace in MariaDB, the archive, Elasticsearch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.elasticsearch_node import Node
from support.es_tls import PASSWORD, USER, Guard
from support.servers import MariaDB

from monolith_core.cli.extract import main as extract
from monolith_core.cli.main import main as monolith

pytestmark = pytest.mark.server

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "examples/classic.ini").read_text(encoding="utf-8")
QUERY = "query = select * from record where date BETWEEN :start_date and :end_date\n"
"""How the archive used to be read; without it, it is read partition by partition."""

Configure = Callable[[str, Guard], str]


@pytest.fixture
def configure(tmp_path: Path, mariadb: MariaDB) -> Configure:
    """Writes the documented configuration with the places of the test's servers."""
    storage, marketplace = mariadb.url(), mariadb.url()
    name = marketplace.rpartition("/")[2]
    mariadb.admin("CREATE TABLE installs (created DATETIME, app VARCHAR(20), price DECIMAL(6, 2))", database=name)
    for day in range(1, 11):
        for n in range(1, 8):
            values = f"('2024-01-{day:02} {n}:00:00', 'app {n % 3}', {n}.99)"
            mariadb.admin(f"INSERT INTO installs VALUES {values}", database=name)

    def configure(query: str, guard: Guard) -> str:
        text = TEXT
        for documented, real in {
            "mysql://monolith:${DB_PASSWORD}@localhost/monolith": storage,
            "mysql://reader:${MARKETPLACE_PASSWORD}@mkt/marketplace": marketplace,
            "[source:sql]\n": f"[source:sql]\n{query}",
            "since = 2024-01-01": "since = 2024-01-01\nuntil = 2024-01-10",
            "http://es/is/here": f"{guard.url}\nuser = {USER}\npassword = {PASSWORD}\nca = {guard.certificate}",
        }.items():
            assert documented in text
            text = text.replace(documented, real)
        file = tmp_path / "monolith.ini"
        file.write_text(text, encoding="utf-8")
        return str(file)

    return configure


@pytest.mark.parametrize("query", ["", QUERY], ids=["by partitions", "by a query"])
def test_the_classic_job(configure: Configure, node: Node, query: str):
    with Guard(node.url) as guard:
        file = configure(query, guard)
        for command, arguments in [
            (extract, [file]),
            (extract, [file]),
            (monolith, ["reconcile", file, "--deep"]),
            (monolith, ["check", file]),
        ]:
            result = CliRunner().invoke(command, arguments)
            assert result.exit_code == 0, result.output
    documents = node.documents("monolith")
    assert len(documents) == 70
    first = min(documents.values(), key=lambda each: (each["date"], each["price"]))
    assert first["monolith"]["source"] == "marketplace"
    assert first["monolith"]["category"] == "install"
    assert (first["date"], first["app"], first["price"]) == ("2024-01-01", "app 1", 1.99)
