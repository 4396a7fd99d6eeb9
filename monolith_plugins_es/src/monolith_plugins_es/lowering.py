"""Lowering: what an index does without while a backfill fills it, and how it gets that back.

An index that is lowered says so itself: `_meta` of its mapping has the settings that it is to get back. So any later
run finds it, whatever became of the one that lowered it. A setting that somebody changed meanwhile is left as it is.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from monolith_core import MonolithError, PermanentError
from monolith_plugins_es.cluster import Cluster, groups, path_of
from monolith_plugins_es.documents import index_name
from monolith_plugins_es.failures import Refused
from monolith_plugins_es.options import ElasticsearchOptions

IDLE = 60.0
"""Seconds after which an index that nothing is written to is full, as far as anyone can know: a load goes from month to
month."""

PATIENCE = 5.0
"""Seconds that a phase is held up at most to ask each node what an earlier run has left lowered."""

LOWERED = {"refresh_interval": "-1", "number_of_replicas": "0"}

_OWN = "monolith"
_MARK = "lowered"


def given_up(options: ElasticsearchOptions) -> dict[str, str | None]:
    """What a new index does without, with the values that it gets back; None stands for Elasticsearch's default."""
    settings: dict[str, str | None] = {}
    if options.lower != "nothing":
        settings["refresh_interval"] = None
    if options.lower == "replicas" and options.replicas:
        settings["number_of_replicas"] = str(options.replicas)
    return settings


def creation(settings: Mapping[str, str | None]) -> dict[str, Any]:
    """The body that makes an index without these settings."""
    return {
        "settings": {"index": {name: LOWERED[name] for name in settings}},
        "mappings": {"_meta": {_OWN: {_MARK: settings}}},
    }


def mark_of(meta: Mapping[str, Any]) -> dict[str, str | None]:
    """The settings that an index is to get back, by `_meta` of its mapping; none if it is not lowered."""
    own = meta.get(_OWN)
    mark = own.get(_MARK) if isinstance(own, Mapping) else None
    return {name: mark[name] for name in LOWERED if name in mark} if isinstance(mark, Mapping) else {}


def unmarked(meta: Mapping[str, Any]) -> dict[str, Any]:
    """`_meta` without our mark."""
    own = {name: value for name, value in meta.get(_OWN, {}).items() if name != _MARK}
    rest = {name: value for name, value in meta.items() if name != _OWN}
    return {**rest, _OWN: own} if own else rest


class Lowering:
    """Knows which indices are lowered, and puts their settings back; any thread may call."""

    def __init__(self, cluster: Cluster, options: ElasticsearchOptions, today: dt.date, log: logging.Logger) -> None:
        self._cluster = cluster
        self._alias = options.index
        self._log = log
        self._given_up = given_up(options)
        self._present = index_name(options.index, today)
        self._lock = threading.Lock()
        self._filled: dict[str, float] = {}

    def body(self, index: str) -> dict[str, Any] | None:
        """What to make a new index with: one of a month that is over can only be filled by a backfill."""
        return creation(self._given_up) if self._given_up and index < self._present else None

    def begin(self, index: str) -> None:
        """An index was made lowered."""
        with self._lock:
            self._filled[index] = time.monotonic()

    def touch(self, index: str) -> None:
        """An index is written to."""
        with self._lock:
            if index in self._filled:
                self._filled[index] = time.monotonic()

    def end_idle(self) -> None:
        """Put back what was lowered here and is full."""
        long_ago = time.monotonic() - IDLE
        with self._lock:
            idle = [index for index, touched in self._filled.items() if touched <= long_ago]
        self._end(idle)

    def end(self) -> None:
        """Put back what was lowered here."""
        with self._lock:
            filled = list(self._filled)
        self._end(filled)

    def found(self) -> dict[str, Mapping[str, Any]]:
        """Every index under the alias that is lowered, by whichever run, with `_meta` of its mapping."""
        try:
            answer = self._cluster.ask(
                "GET",
                path_of(self._alias, "_mapping"),
                doing=f"read the mappings under {self._alias}",
                patience=PATIENCE,
                filter_path="*.mappings._meta",
            )
        except Refused as error:
            if error.status == 404:
                return {}
            raise
        metas = {index: each["mappings"]["_meta"] for index, each in answer.items()}
        return {index: meta for index, meta in metas.items() if mark_of(meta)}

    def end_leftovers(self) -> None:
        """Put back what a run that was killed has left lowered; a cluster that is away is asked by the next run."""
        try:
            found = self.found()
        except MonolithError as error:
            self._log.debug("whether indices are still lowered is not known: %s", error)
            return
        self._end(found)

    def _end(self, indices: Iterable[str]) -> None:
        """Put the settings of these back: of many at once, because each request is a change of the cluster's state."""
        for some in groups(sorted(indices)):
            try:
                self._put_back(some)
            except PermanentError:
                for index in some:  # so that one that cannot be changed holds up no other
                    self._end_one(index)
            except MonolithError as error:
                self._log.warning("%s stays without some settings until the next run: %s", ", ".join(some), error)
            else:
                self._forget(some)

    def _end_one(self, index: str) -> None:
        try:
            self._put_back([index])
        except MonolithError as error:
            self._log.warning("%s stays without some settings until the next run: %s", index, error)
        else:
            self._forget([index])

    def _forget(self, indices: Iterable[str]) -> None:
        with self._lock:
            for index in indices:
                self._filled.pop(index, None)

    def _put_back(self, indices: Sequence[str]) -> None:
        """Settings first, then the mark, so that a process that is killed in between leaves nothing behind."""
        doing = f"put the settings of {', '.join(indices)} back"
        only = {"flat_settings": "true", "ignore_unavailable": "true"}  # one may have been deleted
        found = self._cluster.ask("GET", path_of(",".join(indices)), doing=doing, **only)
        settings, metas = _Alike(), _Alike()
        for index, each in found.items():
            meta, present = each["mappings"].get("_meta", {}), each["settings"]
            mark = mark_of(meta)
            back = {name: value for name, value in mark.items() if present.get(f"index.{name}") == LOWERED[name]}
            if back:
                settings.add({"index": back}, index)
                self._log.debug("%s is filled: %s", index, " and ".join(f"{name} is put back" for name in back))
            if mark:
                metas.add({"_meta": unmarked(meta)}, index)
        for body, some in settings:
            self._cluster.ask("PUT", path_of(some, "_settings"), body, doing=doing)
        for body, some in metas:
            self._cluster.ask("PUT", path_of(some, "_mapping"), body, doing=doing)


class _Alike:
    """Bodies of requests, each with the names of all indices that it is for."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[Any, list[str]]] = {}

    def add(self, body: Any, index: str) -> None:
        """One more index that the body is for."""
        self._found.setdefault(json.dumps(body, sort_keys=True), (body, []))[1].append(index)

    def __iter__(self) -> Iterator[tuple[Any, str]]:
        return ((body, ",".join(indices)) for body, indices in self._found.values())
