"""TLS: PyMySQL's connections share a context.

It makes one for each, and loads all the system's certificates into it, though without options it verifies none. That
takes longer than the connection itself, and an hourly run opens a dozen.
"""

from __future__ import annotations

from functools import cache
from typing import Any


@cache
def sharing(connection: Any) -> Any:
    """A class of connections like the driver's; all of them that have no options of TLS share one context."""

    class Connection(connection):  # type: ignore[misc]
        shared: Any = None

        def _create_ssl_ctx(self, options: Any) -> Any:
            if options:
                return super()._create_ssl_ctx(options)
            if Connection.shared is None:
                Connection.shared = super()._create_ssl_ctx(options)
            return Connection.shared

    return Connection
