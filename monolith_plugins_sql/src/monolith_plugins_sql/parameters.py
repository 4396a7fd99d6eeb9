"""Named parameters in a query's text: `:start_date` becomes what the driver wants, all else stays as it was written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cache
from typing import Any

_NAME = r"(?<![:\w\\]):(?P<name>[A-Za-z_]\w*+)(?!:(?!:))"
_ESCAPED = r"(?P<escape>\\)(?=:[A-Za-z_])"
_IDENTIFIER = r'"(?:[^"]|"")*+"?|`[^`]*+`?'
_STRING = r"'(?:[^']|'')*+'?"
_LINE = r"--[^\n]*+"
_BLOCK = r"/\*.*?(?:\*/|\Z)"
_SKIPPED = {
    "mysql": (
        r"'(?:[^'\\]|\\.|'')*+'?",
        r'"(?:[^"\\]|\\.|"")*+"?',
        r"`[^`]*+`?",
        r"--(?=\s|\Z)[^\n]*+",
        r"\#[^\n]*+",
        _BLOCK,
    ),
    "postgresql": (
        r"\b[eE]'(?:[^'\\]|\\.|'')*+'?",
        r"\$(?P<tag>(?:[A-Za-z_]\w*)?)\$.*?(?:\$(?P=tag)\$|\Z)",
        _STRING,
        _IDENTIFIER,
        _LINE,
        r"(?P<nested>/\*)",
    ),
    "sqlite": (_STRING, _IDENTIFIER, r"\[[^\]]*+\]?", _LINE, _BLOCK),
    "": (_STRING, _IDENTIFIER, _LINE, _BLOCK),
}
"""What is no code, by kind of database: quoted text, quoted names, comments. What is left open reaches to the end."""

_BEFORE_A_VALUE = re.compile(
    r"""[=<>!+*/%|&^~(,-]\s*\Z
    |\b(?:AND|BETWEEN|CASE|ELSE|HAVING|ILIKE|IN|INTERVAL|LIKE|LIMIT|NOT|OFFSET|ON|OR|REGEXP|SELECT|THEN|VALUES|WHEN|WHERE)
    \s+\Z""",
    re.IGNORECASE | re.VERBOSE,
)
"""What a value must follow: a `:name` there is no slice (`[a :b]`), no pair (`'a' :b`) and nothing else of SQL's."""

_COMMENT_EDGE = re.compile(r"/\*|\*/")


@dataclass(frozen=True)
class Prepared:
    """A query in the driver's way of writing parameters.

    `used` has the parameters in the order they stand in the text. Other `:words` were left alone; `misnamed` has those
    of them that can only be meant as parameters.
    """

    text: str
    used: tuple[str, ...]
    misnamed: tuple[str, ...]
    by_name: bool

    def arguments(self, values: Mapping[str, Any]) -> Any:
        """The parameters' values as the driver takes them."""
        if self.by_name:
            return {name: values[name] for name in self.used}
        return tuple(values[name] for name in self.used)


def prepare(query: str, names: Set[str], *, kind: str = "", style: str = "named") -> Prepared:
    r"""Write the parameters `names` of `query` in a driver's paramstyle; `kind` is SQLAlchemy's name of the database.

    Only whole words outside of quotes and comments are parameters; `\:word` is written `:word` and is none. A `%` is
    doubled where the driver formats with it.
    """
    formats = style in ("format", "pyformat")
    out: list[str] = []
    used: list[str] = []
    misnamed: list[str] = []
    copied = 0

    def copy(end: int) -> None:
        text = query[copied:end]
        out.append(text.replace("%", "%%") if formats else text)

    for start, end, name in _words(query, "mysql" if kind == "mariadb" else kind):
        if name and name not in names:
            if _is_value(query, start, kind):
                misnamed.append(name)
            continue
        copy(start)
        copied = end
        if name:
            used.append(name)
            out.append(_placeholder(style, name, len(used)))
    copy(len(query))
    by_name = style in ("named", "pyformat")
    return Prepared("".join(out), tuple(used), tuple(misnamed), by_name)


def _is_value(query: str, start: int, kind: str) -> bool:
    """Whether the `:word` at `start` can only be a value; for SQLite each is one, others' slices stand in brackets."""
    before = query[:start]
    return kind == "sqlite" or (before.rfind("[") <= before.rfind("]") and bool(_BEFORE_A_VALUE.search(before[-40:])))


def _placeholder(style: str, name: str, number: int) -> str:
    placeholders = {"qmark": "?", "format": "%s", "pyformat": f"%({name})s", "named": f":{name}"}
    return placeholders.get(style, f":{number}")


def _words(query: str, kind: str) -> Iterator[tuple[int, int, str]]:
    """Each `:word` in the code of a query: where it starts, where it ends, the word; or an escape, without a word."""
    position = 0
    scanner = _scanner(kind)
    while found := scanner.search(query, position):
        position = found.end()
        if found.lastgroup in ("name", "escape"):
            yield found.start(), found.end(), found["name"] or ""
        elif found.lastgroup == "nested":
            position = _end_of_comment(query, position)


@cache
def _scanner(kind: str) -> re.Pattern[str]:
    return re.compile("|".join((*_SKIPPED.get(kind, _SKIPPED[""]), _ESCAPED, _NAME)), re.DOTALL)


def _end_of_comment(query: str, position: int) -> int:
    """Where a comment ends that may have comments in itself."""
    depth = 1
    while depth:
        edge = _COMMENT_EDGE.search(query, position)
        if edge is None:
            return len(query)
        depth += 1 if edge[0] == "/*" else -1
        position = edge.end()
    return position
