"""How long `monolith reconcile` takes, and how long a scan of all ids, both in this process once it has started.

    look.py CONFIG URL

Runs in monolith's own environment and prints the two times in seconds. Each look is the first one: the cluster's caches
are emptied before, and the process is warm.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from click.testing import CliRunner
from elasticsearch import Elasticsearch, helpers

from monolith_core.cli.main import main as monolith


def reconcile(config: str) -> None:
    result = CliRunner().invoke(monolith, ["reconcile", config, "--target", "elasticsearch"])
    if result.exit_code or "none differs" not in result.output:
        raise SystemExit(f"reconcile: {result.output}")


def scan(client: Elasticsearch) -> None:
    for _ in helpers.scan(client, index="monolith", _source=False):
        pass


def timed(client: Elasticsearch, look: Callable[[], None]) -> float:
    client.indices.clear_cache(index="monolith")
    start = time.perf_counter()
    look()
    return time.perf_counter() - start


def main(config: str, url: str) -> None:
    client = Elasticsearch(url, request_timeout=300)
    reconcile(config)
    print(timed(client, lambda: reconcile(config)), timed(client, lambda: scan(client)))


if __name__ == "__main__":
    main(*sys.argv[1:])
