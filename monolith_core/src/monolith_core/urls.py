"""Database URLs: the aliases monolith accepts, and where a database is, without credentials."""

from __future__ import annotations

import os.path
import re
from pathlib import Path
from urllib.parse import parse_qs, unquote

_ALIASES = {
    "pymysql": "mysql+pymysql",
    "mysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
    "mariadb+pymysql": "mysql+pymysql",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
}
_PORTS = {"mysql": 3306, "postgresql": 5432}
_SQLITE = re.compile(
    r"(?P<scheme>sqlite(?:\+\w+)?:///(?:file:)?)(?P<path>[^?]+)(?P<query>\?.*)?", re.IGNORECASE | re.DOTALL
)
_HERE = {"", "127.0.0.1", "[::1]", "::1"}
_SCHEME = re.compile(r"([a-z][a-z0-9_+.-]*):", re.IGNORECASE)
# As SQLAlchemy reads it: a password ends at the first @. A second one, which would make the rest of it a part of the
# host, the name or an option, is refused.
_SERVER = re.compile(
    r"(?:[^:/]*(?::[^@]*)?@)?(?P<host>\[[^/?@]+\]|[^/:?@\[]*)(?::(?P<port>\d*))?(?:/(?P<name>[^?@/:]*))?(?:\?(?P<query>[^@]*))?"
)


def database_url(url: str) -> str:
    """The SQLAlchemy URL meant by `url`: `pymysql://`, `mysql://` and `mariadb://` mean PyMySQL, `postgres://` psycopg.

    Raises ValueError, with nothing of the URL in its message, if `url` does not begin with a scheme or is not of the
    form `scheme://user:password@host:port/name?options`.
    """
    match = _SCHEME.match(url)
    if match is None or not url[match.end() :].startswith("//"):
        raise ValueError(
            "is no database URL; expected something like sqlite:///archive.sqlite or mysql://user@host/name"
        )
    scheme = match[1].lower()
    if not scheme.startswith("sqlite") and _SERVER.fullmatch(url, match.end() + 2) is None:
        raise ValueError(
            "is no database URL of the form scheme://user:password@host:port/name; "
            "write @ : / ? % in a password as %40 %3A %2F %3F %25"
        )
    return _ALIASES.get(scheme, scheme) + url[match.end(1) :]


def absolute_sqlite(text: str, folder: Path) -> str:
    """The URL of an SQLite file with a relative path as one whose path begins in `folder`; any other text as it is."""
    match = _SQLITE.fullmatch(text)
    if match is None or Path(match["path"]).is_absolute() or match["path"] == ":memory:" or "mode=memory" in text:
        return text
    base = str(folder).replace("%", "%25").replace("?", "%3F")
    return f"{match['scheme']}{base}/{match['path']}{match['query'] or ''}"


def database_location(url: str) -> str:
    """Where the database of `url` is: kind, host, port and name, without user, password and driver options.

    Two URLs of one database give the same text. SQLite's is the real path of the file, so a relative path depends on
    the working directory.
    """
    scheme, _, rest = database_url(url).partition("://")
    kind = scheme.partition("+")[0]
    if kind == "sqlite":
        path = unquote(rest.partition("?")[0]).removeprefix("/").removeprefix("file:")
        return f"sqlite:{os.path.realpath(path) if path and path != ':memory:' else ':memory:'}"
    kind = "mysql" if kind == "mariadb" else kind
    server = _SERVER.fullmatch(rest)
    assert server is not None
    options = {name: ",".join(values) for name, values in parse_qs(server["query"] or "").items()}
    name = unquote(server["name"] or "")
    if "unix_socket" in options:
        return f"{kind}:{options['unix_socket']}/{name}"
    host = options.get("host") or server["host"].lower()
    port = options.get("port") or server["port"] or _PORTS.get(kind, 0)
    return f"{kind}://{'localhost' if host in _HERE else host}:{port}/{name}"
