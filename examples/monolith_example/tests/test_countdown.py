"""The countdown, held against the contract."""

import datetime as dt

import pytest
from monolith_example import Countdown

from monolith_core import Record
from monolith_core.testing import SourceSuite


class TestCountdown(SourceSuite):
    plugin = Countdown
    days = "2024-02-28", "2024-02-29"

    @pytest.fixture
    def options(self):
        return {"to": "2024-03-01"}

    @pytest.fixture
    def expected(self):
        return [Record(dt.date(2024, 2, day), "countdown", {"days_left": 30 - day}) for day in (28, 29)]
