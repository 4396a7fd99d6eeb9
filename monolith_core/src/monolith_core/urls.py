"""Database URLs: the aliases monolith accepts, and where a database is, without credentials."""

from __future__ import annotations

import os.path
import re
from urllib.parse import unquote, urlsplit

_ALIASES = {
    "pymysql": "mysql+pymysql",
    "mysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
    "mariadb+pymysql": "mysql+pymysql",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
}
_PORTS = {"mysql": 3306, "postgresql": 5432}
_SCHEME = re.compile(r"([a-z][a-z0-9_+.-]*):", re.IGNORECASE)


def database_url(url: str) -> str:
    """The SQLAlchemy URL meant by `url`: `pymysql://`, `mysql://` and `mariadb://` mean PyMySQL, `postgres://` psycopg.

    Raises ValueError if `url` does not begin with a scheme.
    """
    match = _SCHEME.match(url)
    if match is None or not url[match.end() :].startswith("//"):
        raise ValueError(
            "is no database URL; expected something like sqlite:///archive.sqlite or mysql://user@host/name"
        )
    scheme = match[1].lower()
    return _ALIASES.get(scheme, scheme) + url[match.end(1) :]


def database_location(url: str) -> str:
    """Where the database of `url` is: kind, host, port and name, without user, password and driver options.

    Two URLs of one database give the same text. SQLite's is the real path of the file, so a relative path depends on
    the working directory.
    """
    scheme, _, rest = database_url(url).partition("://")
    kind = scheme.partition("+")[0]
    if kind == "sqlite":
        path = unquote(rest.partition("?")[0]).removeprefix("/")
        return f"sqlite:{os.path.realpath(path) if path and path != ':memory:' else ':memory:'}"
    parts = urlsplit(f"//{rest}")
    host = (parts.hostname or "localhost").replace("127.0.0.1", "localhost")
    return f"{kind}://{host}:{parts.port or _PORTS.get(kind, 0)}{parts.path}"
