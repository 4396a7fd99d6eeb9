"""A reader that asks Elasticsearch all the time how much of two answers it shows of each day."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

from support.elasticsearch_node import Node


class Reader(threading.Thread):
    """Looks until it is told to stop; `torn` are the days of which it saw neither answer whole.

    A document is of the first answer if its `field` is less than `bound`, else of the second. Each has `whole` a day.
    """

    def __init__(self, node: Node, *, field: str, bound: float, whole: int, alias: str = "monolith") -> None:
        super().__init__(daemon=True)
        self._node = node
        self._path = f"/{alias}/_search"
        of = {"old": {"range": {field: {"lt": bound}}}, "new": {"range": {field: {"gte": bound}}}}
        days = {"terms": {"field": "date", "format": "yyyy-MM-dd", "size": 1000}}
        self._body = {"size": 0, "aggs": {"days": {**days, "aggs": {"of": {"filters": {"filters": of}}}}}}
        self._whole = whole
        self._over = threading.Event()
        self.looks = 0
        self.seen: set[tuple[int, int]] = set()
        self.torn: set[tuple[str, int, int]] = set()

    def run(self) -> None:
        while not self._over.is_set():
            found = self._node.ask("POST", self._path, self._body)["aggregations"]["days"]["buckets"]
            for bucket in found:
                old, new = (bucket["of"]["buckets"][name]["doc_count"] for name in ("old", "new"))
                self.seen.add((old, new))
                if self._whole not in (old, new):
                    self.torn.add((bucket["key_as_string"], old, new))
            self.looks += 1

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self.join()
