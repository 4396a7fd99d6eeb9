"""Check: what `monolith check` says of a cluster; nothing is written."""

from __future__ import annotations

from typing import Any

from monolith_core import PermanentError
from monolith_plugins_es.cluster import Cluster, path_of
from monolith_plugins_es.failures import Refused
from monolith_plugins_es.indices import Indices, name_taken, optional
from monolith_plugins_es.lowering import Lowering
from monolith_plugins_es.options import ElasticsearchOptions

INDEX_RIGHTS = ("create_index", "index", "delete", "read", "maintenance", "view_index_metadata", "manage")
CLUSTER_RIGHTS = ("monitor", "manage_index_templates")
"""What is needed; `manage` of the indices only to put one under the alias."""

_MOST = 3
"""Names in one line."""

_NO_SECURITY = frozenset({400, 404, 405, 501})


def report(cluster: Cluster, indices: Indices, lowering: Lowering, options: ElasticsearchOptions) -> str:
    """One line on version, template and indices; raises a MonolithError if a right is missing."""
    version = indices.version() or "of a version that this user may not ask for"
    lacking = _lacking(cluster, options)
    if lacking:
        raise PermanentError(f"Elasticsearch {version}: the user or the API key lacks {', '.join(lacking)}")
    return f"Elasticsearch {version}, {_template(indices)}, {_months(cluster, options)}{_lowered(lowering)}"


def _template(indices: Indices) -> str:
    found = indices.found_template()
    if found is None:
        return "the template will be made"
    drift = indices.drift(found)
    if drift:
        return f"the template differs from this configuration in {', '.join(drift)} and will be put right"
    return f"template version {found['version']}"


def _months(cluster: Cluster, options: ElasticsearchOptions) -> str:
    aliases = optional(cluster, "GET", path_of("_alias", options.index), doing=f"read the alias {options.index}")
    if aliases is None and optional(cluster, "HEAD", path_of(options.index), doing="look for an index"):
        raise name_taken(options.index)
    count = len(aliases or {})
    return f"{count} {'index' if count == 1 else 'indices'} under the alias {options.index}"


def _lowered(lowering: Lowering) -> str:
    """What is still to be put back."""
    found = sorted(lowering.found())
    if not found:
        return ""
    names = ", ".join(found[:_MOST]) + (f" and {len(found) - _MOST} more" if len(found) > _MOST else "")
    return f"; still lowered: {names}; a run fills them now, or the next one puts their settings back"


def _lacking(cluster: Cluster, options: ElasticsearchOptions) -> list[str]:
    """The rights that are missing; none where Elasticsearch has no security."""
    names = [options.index, f"{options.index}-*"]
    body = {"cluster": CLUSTER_RIGHTS, "index": [{"names": names, "privileges": INDEX_RIGHTS}]}
    try:
        answer = cluster.ask("POST", "/_security/user/_has_privileges", body, doing="ask for the rights")
    except Refused as error:
        if error.status in _NO_SECURITY:
            return []
        raise
    return sorted(
        {
            *_denied(answer.get("cluster", {})),
            *(f"{right} on {name}" for name, rights in answer.get("index", {}).items() for right in _denied(rights)),
        }
    )


def _denied(rights: dict[str, Any]) -> list[str]:
    return [right for right, has in rights.items() if not has]
