"""An example of a plugin: a source that counts the days until a date."""

import datetime as dt
from collections.abc import Iterator
from typing import Annotated

from monolith_core import DATA, Record, Source, SourceOptions, Window


class CountdownOptions(SourceOptions):
    """The options of its section."""

    to: Annotated[dt.date, DATA]
    """The day that is counted down to."""


class Countdown(Source):
    """One record a day, with the number of days left."""

    Options = CountdownOptions

    def extract(self, window: Window) -> Iterator[Record]:
        """Yield a record for each day of the window."""
        for day in window.days():
            yield Record(day, "countdown", {"days_left": (self.options.to - day).days})
