"""Held: which documents of a partition the cluster has."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec

from monolith_core import Digest, MonolithError, Partition, StagedRecord, TemporaryError, Window
from monolith_plugins_es.cluster import Cluster, groups, path_of
from monolith_plugins_es.documents import Writer, content_of, day_prefix, text
from monolith_plugins_es.failures import Unreachable

PAGE = 10_000
"""Documents, or partitions, in one answer: the most that an index gives by default."""

EXACT = 2**21
"""Documents whose 32-bit pieces have exact sums: Elasticsearch adds in doubles, whose integers end at 2**53."""

FEWER = 500
"""Documents in one answer that has their bodies."""

WAITS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
"""Seconds between attempts to search: a search is refused while a shard of an index under the alias starts, and any
other partition may have made that index just now."""

_KEEP = "2m"
_ONLY = "pit_id,timed_out,_shards.failed,hits.total.value," + ",".join(
    f"hits.hits.{field}" for field in ("_index", "_id", "_routing", "_seq_no", "_primary_term", "sort")
)
_WHOLE = {"allow_partial_search_results": "false", "ignore_unavailable": "true"}


class _Hit(msgspec.Struct, gc=False):
    index: str = msgspec.field(name="_index")
    id: str = msgspec.field(name="_id")
    routing: str | None = msgspec.field(name="_routing", default=None)
    number: int | None = msgspec.field(name="_seq_no", default=None)
    term: int | None = msgspec.field(name="_primary_term", default=None)
    source: msgspec.Raw = msgspec.field(name="_source", default=msgspec.Raw())
    sort: list[Any] = []


class _Total(msgspec.Struct):
    value: int


class _Hits(msgspec.Struct):
    total: _Total | None = None
    hits: list[_Hit] = []


class _Answer(msgspec.Struct):
    """The answer to a search, as far as it is asked for."""

    hits: _Hits = msgspec.field(default_factory=_Hits)
    pit_id: str = ""
    timed_out: bool = False
    shards: dict[str, Any] = msgspec.field(name="_shards", default_factory=dict)
    aggregations: dict[str, Any] = {}


class _Monolith(msgspec.Struct):
    category: str = ""


class _Document(msgspec.Struct):
    monolith: _Monolith


@dataclass(frozen=True)
class Stranger:
    """A document that monolith did not put there: its id or its place is another.

    `number` and `term` tell which write of it was found, if that was asked for.
    """

    index: str
    id: str
    routing: str | None
    number: int | None = None
    term: int | None = None

    def delete(self) -> bytes:
        """The line of a bulk request that deletes it, unless it was written again since it was found."""
        what: dict[str, Any] = {"_index": self.index, "_id": self.id}
        if self.routing:
            what["routing"] = self.routing
        if self.number is not None:
            what |= {"if_seq_no": self.number, "if_primary_term": self.term}
        return text({"delete": what}) + b"\n"


class Shelf:
    """Asks for the documents of partitions under an alias."""

    def __init__(self, cluster: Cluster, alias: str, date_field: str) -> None:
        self._cluster = cluster
        self._alias = alias
        self._field = date_field

    def held(self, partition: Partition, index: str, *, everywhere: bool = False) -> Iterator[bytes | Stranger]:
        """Every document of the partition in its `index`, or everywhere under the alias: its content id.

        What is not in `index`, or has not an id that monolith gives, is a stranger.
        """
        prefix = day_prefix(partition.date)
        place = f"{index},{self._alias}" if everywhere else index
        # Two days that have each other's documents may be put right at once.
        for hit in self._hits(place, partition, numbers=everywhere):
            content_id = content_of(hit.id, prefix) if hit.routing is None and hit.index == index else None
            yield content_id or Stranger(hit.index, hit.id, hit.routing, hit.number, hit.term)

    def digest(self, partition: Partition, place: str) -> Digest:
        """The digest of what an index or an alias has of a partition, without asking for the ids."""
        body = {"size": 0, "query": self._query(partition), "track_total_hits": True, "aggs": {"parts": _PARTS}}
        answer = self._search(path_of(place, "_search"), body, **_WHOLE)
        count = answer.hits.total.value if answer.hits.total is not None else 0
        parts = answer.aggregations["parts"]["buckets"] if count else ()
        return sum((_digest(0, part) for part in parts), Digest(count))

    def records(self, partition: Partition) -> Iterator[StagedRecord]:
        """Every document of the partition under the alias as the record it was made of."""
        writer = Writer(partition, self._field)
        for hit in self._pages(self._alias, self._query(partition), bodies=True):
            document = bytes(hit.source)
            yield writer.record(hit.id, _category(document), document)

    def _hits(self, place: str, partition: Partition, *, numbers: bool) -> Iterator[_Hit]:
        """Every hit without its body: most partitions are one answer."""
        query = self._query(partition)
        body = {"size": PAGE, "query": query, "_source": False, "sort": ["_doc"], "track_total_hits": True}
        body["seq_no_primary_term"] = numbers
        answer = self._search(path_of(place, "_search"), body, filter_path=_ONLY, **_WHOLE).hits
        if answer.total is None or answer.total.value > len(answer.hits):
            yield from self._pages(place, query, numbers=numbers)
        else:
            yield from answer.hits

    def digests(self, window: Window | None) -> Iterator[tuple[Partition, Digest]]:
        """The digest of every partition under the alias, in the window's days."""
        composite: dict[str, Any] = {
            "size": PAGE,
            "sources": [
                {"source": {"terms": {"field": "monolith.source"}}},
                {"day": {"date_histogram": {"field": self._field, "calendar_interval": "day", "format": "yyyy-MM-dd"}}},
            ],
        }
        body: dict[str, Any] = {"size": 0, "track_total_hits": False}
        if window is not None:
            body["query"] = {"range": {self._field: {"gte": window.start.isoformat(), "lte": window.end.isoformat()}}}
        while True:
            body["aggs"] = {"partitions": {"composite": composite, "aggs": _SUMS}}
            answer = self._search(path_of(self._alias, "_search"), body, **_WHOLE)
            found = answer.aggregations.get("partitions", {"buckets": []})
            for bucket in found["buckets"]:
                key, count = bucket["key"], bucket["doc_count"]
                partition = Partition(key["source"], dt.date.fromisoformat(key["day"]))
                yield partition, _digest(count, bucket) if count <= EXACT else self.digest(partition, self._alias)
            if "after_key" not in found:
                return
            composite["after"] = found["after_key"]

    def refresh(self, *indices: str) -> None:
        """Make what was written visible to searches."""
        for some in map(",".join, groups(indices)):
            self._cluster.ask("POST", path_of(some, "_refresh"), doing=f"refresh {some}", ignore_unavailable="true")

    def _query(self, partition: Partition) -> dict[str, Any]:
        day = partition.date.isoformat()
        terms = [{"term": {"monolith.source": partition.source}}, {"range": {self._field: {"gte": day, "lte": day}}}]
        return {"bool": {"filter": terms}}

    def _pages(
        self, place: str, query: Mapping[str, Any], *, bodies: bool = False, numbers: bool = False
    ) -> Iterator[_Hit]:
        """Every hit, page by page, of one point in time."""
        opened = self._ask(path_of(place, "_pit"), doing=f"read {place}", keep_alive=_KEEP, **_WHOLE)
        point, size = opened["id"], FEWER if bodies else PAGE
        body: dict[str, Any] = {"size": size, "query": query, "sort": ["_shard_doc"], "track_total_hits": False}
        body |= {"_source": bodies, "seq_no_primary_term": numbers}
        # With a filter Elasticsearch writes numbers and texts of bodies in its own way, not as they were sent.
        only = {} if bodies else {"filter_path": _ONLY}
        try:
            while True:
                body["pit"] = {"id": point, "keep_alive": _KEEP}
                answer = self._search("/_search", body, **only)
                point = answer.pit_id or point
                yield from answer.hits.hits
                if len(answer.hits.hits) < size:
                    return
                body["search_after"] = answer.hits.hits[-1].sort
        finally:
            with suppress(MonolithError):  # it ends by itself too
                self._cluster.ask("DELETE", "/_pit", {"id": point}, doing="end a search")

    def _search(self, path: str, body: Mapping[str, Any], **params: str) -> _Answer:
        doing = f"search {self._alias}"
        answer: _Answer = self._ask(path, body, doing=doing, shape=_Answer, **params)
        if answer.timed_out or answer.shards.get("failed"):
            raise TemporaryError(f"Elasticsearch searched only a part of {self._alias}; is a node missing?")
        return answer

    def _ask(self, path: str, body: Any = None, **details: Any) -> Any:
        """The answer to a request that searches, which is sent again while the cluster says that it cannot now."""
        for seconds in WAITS:
            try:
                return self._cluster.ask("POST", path, body, **details)
            except Unreachable:
                raise
            except TemporaryError as error:
                if error.retry_after is not None or self._cluster.wait(seconds):
                    raise
        return self._cluster.ask("POST", path, body, **details)


def _category(document: bytes) -> str:
    """A document's category; empty if somebody made it something else than a text."""
    try:
        return msgspec.json.decode(document, type=_Document).monolith.category
    except msgspec.MsgspecError:
        return ""


_SUMS: dict[str, Any] = {"a": {"sum": {"field": "monolith.a"}}, "b": {"sum": {"field": "monolith.b"}}}

# Of any one partition: the documents in 256 parts by the first byte of their ids, each with sums that are exact.
_PARTS: dict[str, Any] = {"histogram": {"field": "monolith.a", "interval": 2**24, "min_doc_count": 1}, "aggs": _SUMS}


def _digest(count: int, sums: Mapping[str, Any]) -> Digest:
    return Digest(count, int(sums["a"]["value"]), int(sums["b"]["value"]))
