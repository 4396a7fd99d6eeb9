"""Expressions: the readable form of a filter, parsed.

    condition   NAME OPERATOR VALUE, such as `country == "Spain"` or `sessions > 10`, or NAME in ("a", "b")
    expression  conditions joined by `and` and `or`, turned by `not`, grouped by ( and )

A value between quotes is compared with a dimension, a number with a metric.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

Expression = dict[str, Any]
"""A FilterExpression of the API, as JSON."""

_TEXT = {"==": "EXACT", "contains": "CONTAINS", "startswith": "BEGINS_WITH", "endswith": "ENDS_WITH"}
_TEXT["matches"] = "FULL_REGEXP"
_NUMBER = {"==": "EQUAL", "<": "LESS_THAN", "<=": "LESS_THAN_OR_EQUAL"}
_NUMBER |= {">": "GREATER_THAN", ">=": "GREATER_THAN_OR_EQUAL"}
_OPERATORS = "==, !=, <, <=, >, >=, contains, startswith, endswith, matches or in"
_WORDS = frozenset({"and", "or", "not", "in", *_TEXT})

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<number>[-+]?\d+(?:\.\d+)?(?![\w.]))
    |(?P<name>[A-Za-z]\w*(?::[^\s()"'=!<>,]+)?)
    |(?P<sign>==|!=|<=|>=|<|>|\(|\)|,)
    )""",
    re.VERBOSE,
)


class _Token(NamedTuple):
    kind: str
    text: str

    @property
    def word(self) -> str:
        """The operator or the parenthesis that this is, empty for a name or a value."""
        if self.kind == "name" and self.text.lower() in _WORDS:
            return self.text.lower()
        return self.text if self.kind == "sign" else ""


@dataclass(frozen=True)
class Node:
    """An expression; `kinds` are those of the fields in it. `parts` are what its `and` joins, or itself alone."""

    json: Expression
    names: frozenset[str]
    kinds: frozenset[Literal["dimension", "metric"]]
    parts: tuple[Node, ...] = ()


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ValueError(f"cannot be read from {_short(text[at:].strip())} on; {_hint(text[at:].strip())}")
        yield _Token(str(match.lastgroup), match[str(match.lastgroup)])
        at = match.end()
    yield _Token("end", "")


def _hint(rest: str) -> str:
    if rest[0] in "\"'":
        return "the quotes are never closed"
    if rest[0] in "=&|":
        return "write == to compare, and, or"
    return "texts stand between quotes"


def _short(text: str) -> str:
    return repr(text if len(text) <= 30 else f"{text[:29]}…")


class _Parser:
    """Reads one expression, from the loosest operator to the tightest."""

    def __init__(self, text: str, metrics: Collection[str]) -> None:
        self._metrics = metrics
        self._tokens = [*_tokens(text)]
        self._at = 0

    def parse(self) -> Node:
        found = self._any()
        if self._next.kind != "end":
            raise self._unexpected("and, or, or the end")
        return found

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self, *words: str) -> str:
        """The next token's word, if it is one of these: then it is read."""
        word = self._next.word
        if word not in words:
            return ""
        self._at += 1
        return word

    def _unexpected(self, expected: str) -> ValueError:
        got = _short(self._next.text) if self._next.text else "nothing more"
        before = f" after {_short(self._tokens[self._at - 1].text)}" if self._at else ""
        return ValueError(f"has {got}{before}, expected {expected}")

    def _any(self) -> Node:
        return self._joined("or", "orGroup", self._all)

    def _all(self) -> Node:
        return self._joined("and", "andGroup", self._one)

    def _joined(self, word: str, kind: str, operand: Callable[[], Node]) -> Node:
        nodes = [operand()]
        while self._take(word):
            nodes.append(operand())
        return nodes[0] if len(nodes) == 1 else group(kind, nodes)

    def _one(self) -> Node:
        if self._take("not"):
            return _negated(self._one())
        if self._take("("):
            found = self._any()
            if not self._take(")"):
                raise self._unexpected(")")
            return found
        return self._condition()

    def _condition(self) -> Node:
        if self._next.kind != "name" or self._next.word:
            raise self._unexpected("the name of a dimension or a metric, not or (")
        name = self._next.text
        self._at += 1
        negated = bool(self._take("not"))
        operator = self._take("==", "!=", "<", "<=", ">", ">=", "in", *_TEXT)
        if not operator:
            raise self._unexpected(_OPERATORS)
        plain = "==" if operator == "!=" else operator
        node = self._in(name) if operator == "in" else self._comparison(name, plain)
        return _negated(node) if negated is not (operator == "!=") else node

    def _comparison(self, name: str, operator: str) -> Node:
        if self._next.kind == "text":
            return self._text(name, operator)
        if self._next.kind != "number":
            raise self._unexpected("a text between quotes, or a number")
        if operator not in _NUMBER:
            raise self._unexpected(f"a text between quotes for {operator}")
        if name not in self._metrics:
            raise ValueError(
                f"compares {name} with a number, and metrics has no {name}; add it there, "
                "or write the number between quotes if it is a dimension"
            )
        number = self._next.text
        self._at += 1
        value = {"doubleValue": float(number)} if "." in number else {"int64Value": str(int(number))}
        return _leaf("metric", name, {"numericFilter": {"operation": _NUMBER[operator], "value": value}})

    def _text(self, name: str, operator: str) -> Node:
        if operator not in _TEXT:
            raise self._unexpected(f"a number for {operator}")
        value = self._value(name)
        return _leaf(
            "dimension",
            name,
            {"stringFilter": {"matchType": _TEXT[operator], "value": value, "caseSensitive": True}},
        )

    def _in(self, name: str) -> Node:
        if not self._take("("):
            raise self._unexpected("( and texts between quotes")
        values = [self._value(name)]
        while self._take(","):
            values.append(self._value(name))
        if not self._take(")"):
            raise self._unexpected(", or )")
        return _leaf("dimension", name, {"inListFilter": {"values": values, "caseSensitive": True}})

    def _value(self, name: str) -> str:
        if self._next.kind != "text":
            raise self._unexpected("a text between quotes")
        if name in self._metrics:
            raise ValueError(f"compares the metric {name} with a text; write a number without quotes")
        quoted = self._next.text
        self._at += 1
        return re.sub(r"\\(.)", lambda match: match[1] if match[1] in "\"'\\" else match[0], quoted[1:-1])


def _leaf(kind: Literal["dimension", "metric"], name: str, test: Expression) -> Node:
    return Node({"filter": {"fieldName": name, **test}}, frozenset({name}), frozenset({kind}))


def group(kind: str, nodes: list[Node]) -> Node:
    """The nodes joined in an `andGroup` or an `orGroup`."""
    parts = tuple(part for node in nodes for part in (node.parts or (node,))) if kind == "andGroup" else ()
    every = list(parts) or nodes
    return Node(
        {kind: {"expressions": [node.json for node in every]}},
        frozenset().union(*(node.names for node in every)),
        frozenset().union(*(node.kinds for node in every)),
        parts,
    )


def _negated(node: Node) -> Node:
    return Node({"notExpression": node.json}, node.names, node.kinds)


def parse_expression(text: str, metrics: Collection[str]) -> Node:
    """The expression that `text` is; raises ValueError for what is none, or compares a field with a wrong value."""
    return _Parser(text, metrics).parse()
