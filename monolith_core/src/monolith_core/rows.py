"""Rows: many records of one day and category at once, as values under the same names.

They are staged as so many `Record`s are, at half the cost: the JSON of a msgspec struct, whose names are escaped and
sorted once, is made three times as fast as that of a dict. Where a source has columns rather than rows, they are
encoded as they are (`Transposed`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any, overload

import msgspec

from monolith_core.encoding import PLAIN, SAMPLE, canonical, is_doubtful, suspect
from monolith_core.exact import Nan, exact
from monolith_core.record import Record

Values = Sequence[Any]
"""What one record has, a value for each name."""

_encode = msgspec.json.Encoder(order="deterministic", decimal_format="number").encode


class Transposed(Sequence[Values]):
    """Rows that are kept as columns: for each name the values of all rows, as `values` of `Rows`.

    Raises ValueError for columns of different lengths, or for none.
    """

    __slots__ = ("columns",)

    def __init__(self, columns: Sequence[Sequence[Any]]) -> None:
        lengths = set(map(len, columns))
        if len(lengths) != 1:
            raise ValueError(f"columns have {sorted(lengths)} values, expected the same number of each")
        self.columns = columns

    def __len__(self) -> int:
        return len(self.columns[0])

    def __iter__(self) -> Iterator[Values]:
        return zip(*self.columns, strict=True)

    @overload
    def __getitem__(self, place: int) -> Values: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[Values]: ...

    def __getitem__(self, place: int | slice) -> Values | Sequence[Values]:
        if isinstance(place, slice):
            return Transposed([column[place] for column in self.columns])
        return tuple(column[place] for column in self.columns)


class Columns:
    """The names of the values in rows; None is the name of what is no part of a record's data.

    Make it once for many rows. Raises ValueError for a name that comes twice.
    """

    def __init__(self, names: Sequence[str | None]) -> None:
        self.names = tuple(names)
        found = {name: place for place, name in enumerate(self.names) if name is not None}
        if len(found) < len(self.names) - self.names.count(None):
            raise ValueError(f"names come more than once in {', '.join(map(repr, self.names))}")
        ordered = sorted(found)
        self._places = found
        self._pick = _picker([found[name] for name in ordered])
        self._struct = _struct(tuple(ordered))

    def __reduce__(self) -> tuple[type[Columns], tuple[tuple[str | None, ...]]]:
        return Columns, (self.names,)

    def data(self, values: Values) -> dict[str, Any]:
        """The data of one record."""
        if len(values) != len(self.names):
            raise ValueError(f"a row has {len(values)} values, expected {len(self.names)}")
        return {name: values[place] for name, place in self._places.items()}

    def canonical(
        self, rows: Sequence[Values], nan: Nan = "error", *, kinds: AbstractSet[type] | None = None
    ) -> list[bytes]:
        """The canonical JSON of each row's data; raises RecordError as `monolith_core.canonical` does.

        `kinds` are the types of all the values, where they are known already.
        """
        struct, pick = self._struct, self._pick
        if isinstance(rows, Transposed):
            return self._of_columns(rows, nan)
        if struct is None or set(map(len, rows)) != {len(self.names)}:
            return self._one_by_one(rows, nan)
        try:
            found = [_encode(struct(*pick(row))) for row in rows]
        except Exception:
            return self._one_by_one(rows, nan)
        if (kinds_of(rows) if kinds is None else kinds) <= PLAIN:
            return found
        return self._mended(rows, found, nan)

    def _of_columns(self, rows: Transposed, nan: Nan) -> list[bytes]:
        if self._struct is None or len(rows.columns) != len(self.names):
            return self._one_by_one(rows, nan)
        columns = self._pick(rows.columns)
        try:
            found = list(map(_encode, map(self._struct, *columns)))
        except Exception:
            return self._one_by_one(rows, nan)
        return found if all(set(map(type, column)) <= PLAIN for column in columns) else self._mended(rows, found, nan)

    def _mended(self, rows: Sequence[Values], found: list[bytes], nan: Nan) -> list[bytes]:
        """What msgspec made of rows, but for what it may have written otherwise than is wanted."""
        return [
            exact(self.data(row), nan) if suspect(out) and is_doubtful(row, nan) else out
            for out, row in zip(found, rows, strict=True)
        ]

    def _one_by_one(self, rows: Sequence[Values], nan: Nan) -> list[bytes]:
        return [canonical(self.data(row), nan) for row in rows]


class Rows(msgspec.Struct, frozen=True, gc=False):
    """Some hundred records, or some thousand small ones, of one day and category.

    `values` has a row for each. `source` is the id of the source that they came from first, as in `Record`.
    """

    date: dt.date
    category: str
    columns: Columns
    values: Sequence[Values]
    source: str | None = None

    def records(self) -> Iterator[Record]:
        """The same one by one."""
        for row in self.values:
            yield Record(self.date, self.category, self.columns.data(row), self.source)


def kinds_of(rows: Sequence[Values]) -> set[type]:
    """The types of all the values."""
    return set(map(type, chain.from_iterable(rows)))


def one_by_one(item: Any) -> Iterable[Any]:
    """Rows as so many records; anything else as it is."""
    return item.records() if isinstance(item, Rows) else (item,)


def _picker(places: list[int]) -> Callable[[Values], Values]:
    if len(places) > 1:
        return itemgetter(*places)
    return lambda row: [row[place] for place in places]


@lru_cache(64)
def _struct(names: tuple[str, ...]) -> Callable[..., Any] | None:
    """A struct of sorted names; None where msgspec can make none, or one that it does not write as `exact` a dict."""
    fields = [f"_{number}" for number in range(len(names))]
    try:
        struct = msgspec.defstruct(
            "Row", [(field, Any) for field in fields], rename=dict(zip(fields, names, strict=True)), gc=False
        )
        values = [SAMPLE, *range(1, len(names))][: len(names)]
        same = _encode(struct(*values)) == exact(dict(zip(names, values, strict=True)))
    except Exception:  # such as a name that would have to be escaped
        return None
    return struct if same else None
