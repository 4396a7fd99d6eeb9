"""Database URLs: what is accepted, that one database has one location, and that no password shows."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import make_url

from monolith_core.urls import absolute_sqlite, database_location, database_url

NO_URL = "is no database URL; expected something like sqlite:///archive.sqlite or mysql://user@host/name"
BAD_SHAPE = (
    "is no database URL of the form scheme://user:password@host:port/name; "
    "write @ : / ? % in a password as %40 %3A %2F %3F %25"
)


@pytest.mark.parametrize(
    ("scheme", "meant"),
    [
        ("pymysql", "mysql+pymysql"),
        ("mysql", "mysql+pymysql"),
        ("MySQL", "mysql+pymysql"),
        ("mariadb", "mysql+pymysql"),
        ("mariadb+pymysql", "mysql+pymysql"),
        ("mysql+pymysql", "mysql+pymysql"),
        ("mysql+mysqldb", "mysql+mysqldb"),
        ("postgres", "postgresql+psycopg"),
        ("postgresql", "postgresql+psycopg"),
        ("postgresql+asyncpg", "postgresql+asyncpg"),
        ("oracle+oracledb", "oracle+oracledb"),
    ],
)
def test_schemes_have_aliases(scheme: str, meant: str) -> None:
    assert database_url(f"{scheme}://u:p%40@h:1/n?a=b://c") == f"{meant}://u:p%40@h:1/n?a=b://c"


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///a.db", "sqlite:////tmp/a b.db", "sqlite:///a:b@c/d?x=1"])
def test_sqlite_takes_any_path(url: str) -> None:
    assert database_url(url) == url


@pytest.mark.parametrize(
    "url",
    ["", "archive.sqlite", "/tmp/archive.sqlite", "sqlite:archive.sqlite", "sqlite:/a", "://u:hunter2@h/n", "1x://h/n"],
)
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - its whole text is checked
        database_url(url)
    assert str(caught.value) == NO_URL


@pytest.mark.parametrize(
    "url",
    [
        "mysql://user:hun@ter2@host/name",
        "mysql://user:hunter2@host:port/name",
        "mysql://user:hunter2@host/na/me",
        "mysql://user:hun@ter:2@host/name",
        "mysql://user:hunter2@[::1/name",
        "mysql://user:@?hunter2@host/name",
        "mysql://host/name?hun@ter=2",
        "mysql://us/er:hunter2@host/name",
        "postgresql://user:pass@hunter2:x@host/name",
    ],
)
def test_what_would_be_misread_is_refused_without_a_word_of_it(url: str) -> None:
    for ask in (database_url, database_location):
        with pytest.raises(ValueError) as caught:  # noqa: PT011 - its whole text is checked
            ask(url)
        assert str(caught.value) == BAD_SHAPE


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("mysql://h/n", "mysql://h:3306/n"),
        ("pymysql://u:p@h:3306/n?charset=latin1", "mysql://h:3306/n"),
        ("mariadb://u@H/n", "mysql://h:3306/n"),
        ("mariadb+mariadbconnector://h/n", "mysql://h:3306/n"),
        ("mysql+mysqldb://h:3307/n", "mysql://h:3307/n"),
        ("mysql://h/%6E", "mysql://h:3306/n"),
        ("mysql://h/N", "mysql://h:3306/N"),
        ("mysql://h", "mysql://h:3306/"),
        ("mysql:///n", "mysql://localhost:3306/n"),
        ("mysql://127.0.0.1/n", "mysql://localhost:3306/n"),
        ("mysql://127.0.0.10/n", "mysql://127.0.0.10:3306/n"),
        ("mysql://LOCALHOST/n", "mysql://localhost:3306/n"),
        ("mysql://[::1]:3306/n", "mysql://localhost:3306/n"),
        ("mysql://[2001:DB8::2]/n", "mysql://[2001:db8::2]:3306/n"),
        ("mysql://u:p@/n?unix_socket=/run/mysqld.sock", "mysql:/run/mysqld.sock/n"),
        ("mysql://u:p@localhost:3306/n?unix_socket=%2Frun%2Fmysqld.sock", "mysql:/run/mysqld.sock/n"),
        ("postgres://u:p@h/n", "postgresql://h:5432/n"),
        ("postgresql+psycopg://h:5432/n?sslmode=require", "postgresql://h:5432/n"),
        ("postgresql:///n?host=h&port=5433", "postgresql://h:5433/n"),
        ("postgresql:///n?host=/var/run/postgresql", "postgresql:///var/run/postgresql:5432/n"),
        ("postgresql:///n?host=a:1&host=b:2", "postgresql://a:1,b:2:5432/n"),
        ("oracle+oracledb://h/n", "oracle://h:0/n"),
    ],
)
def test_the_location_of_a_server(url: str, location: str) -> None:
    assert database_location(url) == location


def test_the_location_of_an_sqlite_file_is_its_real_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path(os.path.realpath(tmp_path))
    (real / "data").mkdir()
    (real / "link").symlink_to(real / "data")
    monkeypatch.chdir(real)
    expected = f"sqlite:{real}/data/a b.db"
    for url in (
        "sqlite:///data/a b.db",
        "sqlite:///data/a%20b.db",
        "sqlite:///./data/../data/a b.db",
        "sqlite:///link/a b.db",
        f"sqlite:///{real}/data/a b.db",
        f"sqlite+pysqlite:///{real}/link/a b.db?timeout=5",
        f"sqlite:///file:{real}/data/a b.db?mode=ro&uri=true",
    ):
        assert database_location(url) == expected, url
    assert database_location("sqlite:///data/b.db") != expected


@pytest.mark.parametrize(
    ("text", "absolute"),
    [
        ("sqlite:///a b.db", "sqlite:////job/a b.db"),
        ("sqlite+pysqlite:///../x/a.db?timeout=5", "sqlite+pysqlite:////job/../x/a.db?timeout=5"),
        ("sqlite:///file:a.db?mode=ro&uri=true", "sqlite:///file:/job/a.db?mode=ro&uri=true"),
    ],
)
def test_a_relative_path_begins_in_the_folder(text: str, absolute: str) -> None:
    assert absolute_sqlite(text, Path("/job")) == absolute


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///file:x?mode=memory&uri=true",
        "sqlite:////a.db",
        "sqlite:///file:/a.db?uri=true",
        "mysql://host/name",
        "a.db",
        "SELECT 'sqlite:///a.db'",
    ],
)
def test_everything_else_stays_as_it_is(text: str) -> None:
    assert absolute_sqlite(text, Path("/job")) == text


def test_a_folder_with_signs_of_urls(tmp_path: Path) -> None:
    folder = tmp_path / "50%20? #"
    url = absolute_sqlite("sqlite:///a.db?timeout=5", folder)
    assert make_url(url).database == f"{folder}/a.db"
    assert database_location(url) == f"sqlite:{os.path.realpath(folder)}/a.db"


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite:///file::memory:?uri=true"])
def test_the_location_of_an_sqlite_database_in_memory(url: str) -> None:
    assert database_location(url) == "sqlite::memory:"


words = st.text(st.characters(min_codepoint=33, max_codepoint=0x17F), min_size=1, max_size=12)


@given(words, words)
def test_credentials_are_no_part_of_a_location(user: str, password: str) -> None:
    url = f"mysql://{quote(user, safe='')}:{quote(password, safe='')}@host/name"
    assert database_location(url) == "mysql://host:3306/name"
    assert make_url(database_url(url)).password == password


@given(st.text(st.sampled_from("hunter2:@/?#[]%&= "), max_size=16))
def test_a_password_that_is_not_escaped_is_read_whole_or_refused(password: str) -> None:
    """What SQLAlchemy would take for a host, and then show in its errors, must be the host."""
    try:
        url = make_url(database_url(f"mysql://user:{password}@host/name"))
    except ValueError:
        assert "@" in password
    else:
        assert (url.username, url.host, url.database, dict(url.query)) == ("user", "host", "name", {})
