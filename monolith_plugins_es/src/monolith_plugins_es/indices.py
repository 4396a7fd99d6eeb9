"""Indices: the template, the monthly indices, and the alias that stands for all of them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import Any

from monolith_core import PermanentError
from monolith_plugins_es import template
from monolith_plugins_es.cluster import Cluster, path_of
from monolith_plugins_es.failures import Refused, client_version, wrong_client
from monolith_plugins_es.lowering import Lowering
from monolith_plugins_es.options import ElasticsearchOptions

LONGEST_WAIT = "30s"
"""For the replicas of a new index; then it is written to without them."""


class Indices:
    """Makes what is missing, once; any thread may ask."""

    def __init__(
        self, cluster: Cluster, options: ElasticsearchOptions, lowering: Lowering, log: logging.Logger
    ) -> None:
        self._cluster = cluster
        self._lowering = lowering
        self._alias = options.index
        self._replicas = options.replicas
        self._log = log
        self._wanted = template.template(options)
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._ready = False
        self._known: dict[str, bool] = {}

    def version(self) -> str | None:
        """The server's version; None if this user may not ask for it."""
        doing, only = "ask for the version", "nodes.*.version"
        answer = optional(self._cluster, "GET", "/_nodes/_local", doing=doing, missing=403, filter_path=only)
        nodes = (answer or {}).get("nodes", {})
        versions = [str(node["version"]) for node in nodes.values() if "version" in node]
        if not versions:
            return None
        major = versions[0].partition(".")[0]
        # A client talks to the servers of its own major version and of the next one.
        if int(major) < int(client_version().partition(".")[0]):
            raise wrong_client(major)
        return versions[0]

    def found_template(self) -> Mapping[str, Any] | None:
        """The template that is there."""
        path = path_of("_index_template", self._alias)
        answer = optional(self._cluster, "GET", path, doing=f"read the template {self._alias}")
        if answer is None:
            return None
        found: Mapping[str, Any] = answer["index_templates"][0]["index_template"]
        return found

    def drift(self, found: Mapping[str, Any]) -> list[str]:
        """Where the template that is there differs from the one wanted; raises if it is not for us to change."""
        if not template.is_ours(found):
            raise PermanentError(
                f"there is an index template {self._alias} that monolith did not make; rename it, or set index"
            )
        if found.get("version", 0) > template.VERSION:
            raise PermanentError(
                f"the template {self._alias} was made by a newer monolith-plugin-es (its version {found['version']}, "
                f"this one's {template.VERSION}); upgrade monolith-plugin-es on this host"
            )
        return template.drift(found, self._wanted)

    def prepare(self) -> None:
        """See that client and server go together and that the template is the one wanted."""
        with self._lock:
            if self._ready:
                return
            self.version()
            found = self.found_template()
            drift = None if found is None else self.drift(found)
            if drift is None or drift:
                self._put_template(drift)
            self._ready = True

    def ensure(self, index: str, *, make: bool) -> bool | None:
        """See that an index is there and under the alias; True if it was made just now, None if it is not there.

        An index is made only if `make`; whoever asks again is told the same.
        """
        with self._lock_of(index):
            if index not in self._known:
                aliases = optional(self._cluster, "GET", path_of(index, "_alias"), doing=f"look for {index}")
                if aliases is None and not make:
                    return None
                self._known[index] = aliases is None and self._make(index)
                if aliases is not None and self._alias not in aliases[index]["aliases"]:
                    self._ask("PUT", path_of(index, "_alias", self._alias), f"put {index} under {self._alias}")
            return self._known[index]

    def forget(self, index: str) -> None:
        """Look again for an index when it is asked for, and trust nothing that was known of it."""
        with self._lock_of(index):
            self._known.pop(index, None)

    def _lock_of(self, index: str) -> threading.Lock:
        """One is looked for and made while documents go into the others."""
        with self._lock:
            return self._locks.setdefault(index, threading.Lock())

    def fields(self, index: str) -> frozenset[str]:
        """The dotted paths of the fields that an index has."""
        answer = self._ask("GET", path_of(index, "_mapping"), f"read the mapping of {index}")
        return frozenset(_paths(answer[index]["mappings"].get("properties", {}), ""))

    def _make(self, index: str) -> bool:
        self._lowering.end_idle()
        body = self._lowering.body(index)
        if body is not None:
            self._lowering.begin(index)
        try:
            self._ask("PUT", path_of(index), f"make {index}", body, **self._wait_for_copies(body))
        except Refused as error:
            if error.type == "resource_already_exists_exception":
                return False
            raise
        return True

    def _wait_for_copies(self, body: Mapping[str, Any] | None) -> dict[str, str]:
        """Parameters that make Elasticsearch answer when the replicas take writes too.

        What is written before that is lost with the node of the primary. There is at most one copy on a node.
        """
        if not self._replicas or (body is not None and "number_of_replicas" in body["settings"]["index"]):
            return {}
        doing, only = "ask for the number of nodes", "number_of_data_nodes"
        answer = optional(self._cluster, "GET", "/_cluster/health", doing=doing, missing=403, filter_path=only)
        copies = min(self._replicas + 1, (answer or {}).get(only, 1))
        return {"wait_for_active_shards": str(copies), "timeout": LONGEST_WAIT} if copies > 1 else {}

    def _put_template(self, drift: list[str] | None) -> None:
        if drift:
            self._log.info("the template %s is put right: %s", self._alias, ", ".join(drift))
        path, doing = path_of("_index_template", self._alias), f"write the template {self._alias}"
        try:
            self._ask("PUT", path, doing, self._wanted)
        except Refused as error:
            if "Invalid alias name" in str(error):
                raise name_taken(self._alias) from error
            raise

    def _ask(self, method: str, path: str, doing: str, body: Any = None, **params: str) -> Any:
        return self._cluster.ask(method, path, body, doing=doing, **params)


def name_taken(alias: str) -> PermanentError:
    """The error for an index that has the name that the alias is to have."""
    return PermanentError(
        f"there is an index {alias}, so that no alias can have this name; "
        "delete or rename it, or set index to another name"
    )


def optional(cluster: Cluster, method: str, path: str, *, doing: str, missing: int = 404, **params: str) -> Any:
    """The answer to a request; None if the status of the answer is `missing`: there is no such thing."""
    try:
        return cluster.ask(method, path, doing=doing, **params)
    except Refused as error:
        if error.status == missing:
            return None
        raise


def _paths(properties: Mapping[str, Any], path: str) -> list[str]:
    found = []
    for name, field in properties.items():
        inner = f"{path}{name}"
        found.append(inner)
        found += _paths(field.get("properties", {}), f"{inner}.")
    return found
