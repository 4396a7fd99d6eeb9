"""Held: which documents of a partition the cluster has."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from monolith_core import Digest, MonolithError, Partition, TemporaryError, Window
from monolith_plugins_es.cluster import Cluster, path_of
from monolith_plugins_es.documents import content_of, day_prefix, text

PAGE = 10_000
"""Documents, or partitions, in one answer: the most that an index gives by default."""

_KEEP = "2m"
_IDS = (
    "pit_id,timed_out,_shards.failed,hits.total.value,hits.hits._index,hits.hits._id,hits.hits._routing,hits.hits.sort"
)
_WHOLE = {"allow_partial_search_results": "false"}


@dataclass(frozen=True)
class Stranger:
    """A document that monolith did not put there: its id or its place is another."""

    index: str
    id: str
    routing: str | None

    def delete(self) -> bytes:
        """The line of a bulk request that deletes it."""
        where = {"_index": self.index, "_id": self.id} | ({"routing": self.routing} if self.routing else {})
        return text({"delete": where}) + b"\n"


@dataclass
class Held:
    """What the cluster has of a partition: content ids, one after the other and not sorted, and strangers."""

    ids: bytearray = field(default_factory=bytearray)
    strangers: list[Stranger] = field(default_factory=list)

    def sorted(self) -> list[bytes]:
        """The content ids in order."""
        return sorted(bytes(self.ids[at : at + 16]) for at in range(0, len(self.ids), 16))


class Shelf:
    """Asks for the documents of partitions under an alias."""

    def __init__(self, cluster: Cluster, alias: str, date_field: str) -> None:
        self._cluster = cluster
        self._alias = alias
        self._field = date_field

    def held(self, partition: Partition, index: str, place: str | None = None) -> Held:
        """Every document of the partition in `place`: an index (its own, `index`) or the alias.

        What is not in `index` is a stranger.
        """
        place = place or index
        query = self._query(partition)
        body = {"size": PAGE, "query": query, "_source": False, "sort": ["_doc"], "track_total_hits": True}
        found = Held()
        answer = self._search(path_of(place, "_search"), body, filter_path=_IDS, **_WHOLE)
        hits = answer["hits"].get("hits", [])
        if answer["hits"]["total"]["value"] > len(hits):
            hits = self._pages(place, query)
        prefix = day_prefix(partition.date)
        for hit in hits:
            identity, routing = hit["_id"], hit.get("_routing")
            content_id = content_of(identity, prefix) if routing is None and hit["_index"] == index else None
            if content_id is None:
                found.strangers.append(Stranger(hit["_index"], identity, routing))
            else:
                found.ids += content_id
        return found

    def digest(self, partition: Partition, index: str) -> Digest:
        """The digest of what the index has of a partition, without asking for its ids."""
        body = {"size": 0, "query": self._query(partition), "track_total_hits": True, "aggs": _SUMS}
        answer = self._search(path_of(index, "_search"), body, **_WHOLE)
        return _digest(answer["hits"]["total"]["value"], answer["aggregations"])

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
            answer = self._search(path_of(self._alias, "_search"), body, ignore_unavailable="true", **_WHOLE)
            found = answer.get("aggregations", {}).get("partitions", {"buckets": []})
            for bucket in found["buckets"]:
                key = bucket["key"]
                day = dt.date.fromisoformat(key["day"])
                yield Partition(key["source"], day), _digest(bucket["doc_count"], bucket)
            if "after_key" not in found:
                return
            composite["after"] = found["after_key"]

    def refresh(self, *indices: str) -> None:
        """Make what was written visible to searches."""
        self._cluster.ask(
            "POST",
            path_of(",".join(indices), "_refresh"),
            doing=f"refresh {', '.join(indices)}",
            ignore_unavailable="true",
        )

    def _query(self, partition: Partition) -> dict[str, Any]:
        day = partition.date.isoformat()
        terms = [{"term": {"monolith.source": partition.source}}, {"range": {self._field: {"gte": day, "lte": day}}}]
        return {"bool": {"filter": terms}}

    def _pages(self, place: str, query: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """Every hit, page by page, of one point in time."""
        opened = self._cluster.ask("POST", path_of(place, "_pit"), doing=f"read {place}", keep_alive=_KEEP, **_WHOLE)
        point = opened["id"]
        body: dict[str, Any] = {
            "size": PAGE,
            "query": query,
            "_source": False,
            "sort": ["_shard_doc"],
            "track_total_hits": False,
        }
        try:
            while True:
                body["pit"] = {"id": point, "keep_alive": _KEEP}
                answer = self._search("/_search", body, filter_path=_IDS)
                point = answer.get("pit_id", point)
                hits = answer.get("hits", {}).get("hits", [])
                yield from hits
                if len(hits) < PAGE:
                    return
                body["search_after"] = hits[-1]["sort"]
        finally:
            with suppress(MonolithError):  # it ends by itself too
                self._cluster.ask("DELETE", "/_pit", {"id": point}, doing="end a search")

    def _search(self, path: str, body: Mapping[str, Any], **params: str) -> Any:
        answer = self._cluster.ask("POST", path, body, doing=f"search {self._alias}", **params)
        if answer.get("timed_out") or answer.get("_shards", {}).get("failed"):
            raise TemporaryError(f"Elasticsearch searched only a part of {self._alias}; is a node missing?")
        return answer


_SUMS: dict[str, Any] = {"a": {"sum": {"field": "monolith.a"}}, "b": {"sum": {"field": "monolith.b"}}}


def _digest(count: int, sums: Mapping[str, Any]) -> Digest:
    return Digest(count, int(sums["a"]["value"]), int(sums["b"]["value"]))
