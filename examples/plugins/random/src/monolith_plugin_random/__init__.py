"""A source of invented records: the same ones each time, for demonstrations and tests."""

import datetime as dt
from collections.abc import Iterator
from random import Random
from typing import Annotated

from pydantic import Field

from monolith_core import DATA, Record, Source, SourceOptions, Window

_Count = Annotated[int, Field(ge=0, le=1_000_000)]
_PRODUCTS = ("apple", "bread", "cheese", "lemon", "rice", "tea")


class RandomOptions(SourceOptions):
    """The options of its section."""

    records: Annotated[_Count, DATA] = 20
    """How many records each day has."""
    categories: Annotated[tuple[str, ...], DATA, Field(min_length=1)] = ("order", "return", "visit")
    """The categories that they are of; the first one is the most frequent."""
    seed: Annotated[int, DATA] = 0
    """Another number gives other records."""
    first: Annotated[dt.date | None, DATA] = None
    """The first day that has records, such as 2024-01-01; default: all days have."""


class RandomSource(Source):
    """Invented records, the same ones each time: from its section's id, the day and a seed, and nothing else."""

    Options = RandomOptions

    def extract(self, window: Window) -> Iterator[Record]:
        """Yield the records of each day of the window."""
        for day in window.days():
            if self.options.first is None or day >= self.options.first:
                yield from self._invented(day)

    def check(self) -> str:
        """Say what it will invent."""
        return f"{self.options.records} invented records a day, of {', '.join(self.options.categories)}"

    def _invented(self, day: dt.date) -> Iterator[Record]:
        # Of a generator that is seeded with a text, only random() is promised to be the same in every Python.
        draw = Random(f"{self.context.id} {day} {self.options.seed}").random
        for number in range(1, self.options.records + 1):
            category = _chosen(self.options.categories, draw() ** 2)
            data = {"number": number, "product": _chosen(_PRODUCTS, draw()), "amount": round(draw() * 100, 2)}
            yield Record(day, category, data)


def _chosen(words: tuple[str, ...], part: float) -> str:
    """The word at a part of the way, from 0 up to 1, through them."""
    return words[int(part * len(words))]
