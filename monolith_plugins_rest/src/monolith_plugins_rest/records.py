"""Records: what an answer's JSON has in it, and what day and category that is of."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from monolith_core import PermanentError, Record, RecordError, Window
from monolith_plugins_rest.dates import day_reader
from monolith_plugins_rest.expressions import Pick, picker
from monolith_plugins_rest.options import RestOptions

_KINDS = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "nothing"}


def kind_of(value: Any) -> str:
    """What a value of JSON is, in words."""
    return _KINDS.get(type(value), "a number")


def found(options: RestOptions) -> Callable[[Any], list[Any]]:
    """The function that finds the list of records in an answer; it raises PermanentError if there is none."""
    text = options.records
    pick = picker("records", text) if text != "@" else lambda value: value

    def find(value: Any) -> list[Any]:
        records = pick(value)
        if type(records) is list:
            return records
        where = "the answer is" if text == "@" else f"the answer has at records = {text}"
        raise PermanentError(f"{where} {kind_of(records)}, expected a list of records; {_advice(value, records)}")

    return find


def _advice(value: Any, records: Any) -> str:
    if isinstance(value, dict):
        lists = [name for name, each in value.items() if type(each) is list]
        if lists:
            return f"write records = {lists[0]}"
        if records is value:
            return "write records = [@] if the answer is one record"
        return f"it has {', '.join(map(str, list(value)[:10])) or 'nothing'}"
    return "check records"


class _Days(dict[str, dt.date]):
    """Days by the texts that mean them: those of a page are few, and to read one costs more than to look it up."""

    def __init__(self, read: Callable[[Any], dt.date]) -> None:
        self._read = read

    def __missing__(self, text: str) -> dt.date:
        day = self[text] = self._read(text)
        return day


@dataclass(frozen=True)
class Shape:
    """How the records of an answer are read.

    `day` finds the day in a record, by the expression `date`; without one, the day that was asked for is the record's.
    """

    category: str
    category_field: str | None
    category_of: Pick | None
    date: str | None
    date_of: Pick | None
    day: Callable[[Any], dt.date]

    @classmethod
    def of(cls, options: RestOptions, own: str, zone: ZoneInfo) -> Shape:
        """The shape that the options of the source `own` describe."""
        date, field = options.date_expression, options.category_field
        return cls(
            options.category or own,
            field,
            picker("category-field", field) if field is not None else None,
            date,
            picker("date", date) if date is not None else None,
            day_reader(options.date_format, zone),
        )

    def records(self, values: list[Any], asked: Window, before: int = 0) -> Iterator[Record]:
        """A record for each value, of the days that were asked for; `before` is how many came on earlier pages.

        Raises RecordError, whose field is what is at fault.
        """
        alone = asked.start if len(asked) == 1 else None
        date_of, category, days = self.date_of, self.category, _Days(self.day)
        for number, value in enumerate(values, before + 1):
            if type(value) is not dict:
                raise RecordError(
                    f"record {number} is {kind_of(value)}, expected an object; "
                    "make it one, as with records = items[*].{value: @}",
                    field="records",
                )
            if self.category_of is not None:
                category = self._category(value, number, self.category_of)
            day = asked.start if date_of is None else self._day(value, number, date_of, days, alone)
            yield Record(day, category, value)

    def _day(self, value: dict[str, Any], number: int, date_of: Pick, days: _Days, alone: dt.date | None) -> dt.date:
        found = date_of(value)
        try:
            day = days[found] if type(found) is str else self.day(found)
        except ValueError as error:
            names = ", ".join(list(value)[:10])
            raise RecordError(f"in record {number} it {error}; the record has {names}", field=self.date or "") from None
        if alone is not None and day != alone:
            raise RecordError(
                f"record {number} is of {day}, and {alone} was asked for; check the days in url, param and body, and "
                "the time zone that the service counts in",
                field=self.date or "",
            )
        return day

    def _category(self, value: dict[str, Any], number: int, category_of: Pick) -> str:
        category = category_of(value)
        if not isinstance(category, str) or not category:
            raise RecordError(
                f"in record {number} it is {kind_of(category)}, expected a text", field=self.category_field or ""
            )
        return category
