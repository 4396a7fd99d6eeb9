"""Place: what can be known of the storage's database without connecting to it."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from monolith_core.urls import database_location, database_url

_KINDS = "sqlite:///FILE, mysql://USER@HOST/NAME (MariaDB, MySQL) or postgresql://USER@HOST/NAME"
_DRIVERS = {
    "mysql+pymysql": ("pymysql", "monolith-plugin-sql"),
    "mysql+mysqldb": ("MySQLdb", "mysqlclient"),
    "mysql+mysqlconnector": ("mysql", "mysql-connector-python"),
    "postgresql+psycopg": ("psycopg", "monolith-plugin-sql[postgresql]"),
    "postgresql+psycopg2": ("psycopg2", "psycopg2"),
}
"""The module of each driver, and the distribution that brings it."""


def check_storage(url: str) -> None:
    """Raises ValueError, without secrets, if no storage can be at a database URL on this machine as it is now."""
    driver = database_url(url).partition("://")[0]
    kind = driver.partition("+")[0]
    if kind not in ("sqlite", "mysql", "mariadb", "postgresql"):
        raise ValueError(f"the storage cannot be of the kind {kind!r}; expected {_KINDS}")
    module, distribution = _DRIVERS.get(driver, ("", ""))
    if module and find_spec(module) is None:
        raise ValueError(
            f"the driver of {driver} ({module}) is not installed; install it with: pip install '{distribution}'"
        )
    if kind == "sqlite":
        _check_file(url)


def _check_file(url: str) -> None:
    file = database_location(url).removeprefix("sqlite:")
    if file == ":memory:" or "mode=memory" in url:
        raise ValueError("a storage in memory would be lost when the run ends; name a file: sqlite:///FILE")
    folder = Path(file).parent
    try:
        folder.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise ValueError(f"there is no folder {str(folder)!r}; create it, or name another file") from None
    except OSError:
        return  # whether it is there will show when the storage is opened
