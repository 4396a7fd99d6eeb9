"""Template: what new monthly indices look like; pure, without a connection.

It is written the way Elasticsearch answers it, so that the one that is there can be compared with the one wanted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monolith_plugins_es.options import ElasticsearchOptions

VERSION = 1
"""Grows with every change of what this module makes."""

LONGEST_KEYWORD = 8191
"""Characters of a text that can be searched for: what always fits into the 32,766 bytes of a term of Lucene's. A longer
text is kept in the document and in no index."""

_PRIORITY = 500
"""Above the templates that come with Elasticsearch; the length of the index's name is added, so that of two names of
which one begins with the other the longer one's template is taken."""


def template(options: ElasticsearchOptions) -> dict[str, Any]:
    """The composable index template of a target."""
    settings = {"number_of_shards": str(options.shards), "number_of_replicas": str(options.replicas)}
    index: dict[str, Any] = {**settings}
    if options.ilm_policy is not None:
        index["lifecycle"] = {"name": options.ilm_policy}
    return {
        # A year begins with a digit; monolith-* would take the indices of monolith-other too.
        "index_patterns": [f"{options.index}-{digit}*" for digit in range(10)],
        "template": {
            "settings": {"index": index},
            "mappings": mappings(options),
            "aliases": {options.index: {}},
        },
        "composed_of": [],
        "priority": _PRIORITY + len(options.index),
        "version": VERSION,
        "_meta": {"managed_by": "monolith"},
    }


def mappings(options: ElasticsearchOptions) -> dict[str, Any]:
    """The mapping of new indices: monolith's own with the one of the option `mappings` merged over it."""
    number = {"type": "double"}
    ours: dict[str, Any] = {
        "date_detection": False,
        "numeric_detection": False,
        "dynamic_templates": [
            {
                "strings": {
                    "match_mapping_type": "string",
                    "mapping": {"type": "keyword", "ignore_above": LONGEST_KEYWORD},
                }
            },
            {"integers": {"match_mapping_type": "long", "mapping": number}},
            {"numbers": {"match_mapping_type": "double", "mapping": number}},
        ],
        "properties": {
            options.date_field: {"type": "date"},
            "monolith": {
                "dynamic": "strict",
                "properties": {
                    "source": {"type": "keyword"},
                    "category": {"type": "keyword"},
                    "a": {"type": "long", "index": False},
                    "b": {"type": "long", "index": False},
                },
            },
        },
    }
    theirs = dict(options.own_mappings)
    first = theirs.pop("dynamic_templates", [])
    merged = merge(ours, theirs)
    merged["dynamic_templates"] = [*first, *ours["dynamic_templates"]]
    return merged


def merge(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """Both objects in one; where both have a value that is no object, theirs."""
    merged = dict(ours)
    for name, value in theirs.items():
        old = merged.get(name)
        merged[name] = merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def is_ours(found: Mapping[str, Any]) -> bool:
    """Whether a template that is there was made by monolith."""
    return bool((found.get("_meta") or {}).get("managed_by") == "monolith")


def drift(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """The parts in which a template that is there differs from the one wanted, as dotted names."""
    return sorted(_differences(found, wanted, ""))


def _differences(found: Mapping[str, Any], wanted: Mapping[str, Any], path: str) -> list[str]:
    differing = []
    for name in {*found, *wanted}:
        here, there = found.get(name), wanted.get(name)
        if here == there:
            continue
        if isinstance(here, Mapping) and isinstance(there, Mapping):
            differing += _differences(here, there, f"{path}{name}.")
        else:
            differing.append(f"{path}{name}")
    return differing
