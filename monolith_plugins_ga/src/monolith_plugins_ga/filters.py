"""Filters: the option `filter` as the two filters of a request, one of dimensions and one of metrics.

Google filters the two apart, rows by dimensions and then sums by metrics; so in a readable expression both may stand
only as parts that `and` joins.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from monolith_plugins_ga.expression import Expression, Node, group, parse_expression

_TESTS = ("stringFilter", "inListFilter", "numericFilter", "betweenFilter", "emptyFilter")
_KINDS = ("andGroup", "orGroup", "notExpression", "filter")


class Filters(NamedTuple):
    """The filters of a request, None for none, and the names of the fields that are in them."""

    dimensions: Expression | None = None
    metrics: Expression | None = None
    dimension_names: frozenset[str] = frozenset()
    metric_names: frozenset[str] = frozenset()


def parse(text: str, metrics: Collection[str]) -> Filters:
    """The filters that `text` says, for a request for `metrics`; raises ValueError for what is no filter."""
    return _raw(text) if text.lstrip().startswith("{") else _readable(text, metrics)


def _readable(text: str, metrics: Collection[str]) -> Filters:
    whole = parse_expression(text, metrics)
    dimensions, sums = list[Node](), list[Node]()
    for part in whole.parts or (whole,):
        if len(part.kinds) > 1:
            raise ValueError(
                f"mixes dimensions and metrics ({', '.join(sorted(part.names))}) with or, or under a not; "
                "Google filters the two apart: join them with and"
            )
        (sums if "metric" in part.kinds else dimensions).append(part)
    return Filters(
        _conjunction(dimensions),
        _conjunction(sums),
        frozenset().union(*(node.names for node in dimensions)),
        frozenset().union(*(node.names for node in sums)),
    )


def _conjunction(nodes: list[Node]) -> Expression | None:
    if len(nodes) < 2:
        return nodes[0].json if nodes else None
    return group("andGroup", nodes).json


def _raw(text: str) -> Filters:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ValueError(f"begins like JSON and is none: {error}") from None
    if not {"dimensionFilter", "metricFilter"} & found.keys():
        found = {"dimensionFilter": found}
    strange = found.keys() - {"dimensionFilter", "metricFilter"}
    if strange:
        raise ValueError(f"has {min(strange)!r}, expected dimensionFilter and metricFilter")
    dimensions, metrics = found.get("dimensionFilter"), found.get("metricFilter")
    return Filters(
        dimensions,
        metrics,
        frozenset(_fields(dimensions, "dimensionFilter")) if dimensions is not None else frozenset(),
        frozenset(_fields(metrics, "metricFilter")) if metrics is not None else frozenset(),
    )


def _fields(expression: Any, place: str) -> Iterator[str]:
    """The fields of a FilterExpression; raises ValueError, naming the place, where it is none."""
    kind = _only_key(expression, _KINDS, place)
    inner, place = expression[kind], f"{place}.{kind}"
    if kind == "notExpression":
        yield from _fields(inner, place)
    elif kind == "filter":
        yield _field(inner, place)
    elif not isinstance(inner, dict) or not isinstance(inner.get("expressions"), list) or not inner["expressions"]:
        raise ValueError(f"{place} lacks a list of expressions")
    else:
        for number, each in enumerate(inner["expressions"]):
            yield from _fields(each, f"{place}.expressions[{number}]")


def _field(inner: Any, place: str) -> str:
    if not isinstance(inner, dict) or not isinstance(inner.get("fieldName"), str):
        raise ValueError(f"{place} lacks a fieldName")
    _only_key({name: value for name, value in inner.items() if name != "fieldName"}, _TESTS, place)
    return str(inner["fieldName"])


def _only_key(found: Any, known: Collection[str], place: str) -> str:
    if not isinstance(found, dict) or len(found) != 1 or not found.keys() <= set(known):
        got = ", ".join(found) if isinstance(found, dict) else type(found).__name__
        raise ValueError(f"{place} has {got or 'nothing'}, expected one of {', '.join(known)}")
    return str(next(iter(found)))
