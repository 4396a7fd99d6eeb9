"""The google-analytics source, held against the contract by the test kit."""

from __future__ import annotations

import datetime as dt

import pytest
from support.ga_emulator import Emulator
from support.ga_fixtures import PROPERTY, _new_process, google

from monolith_core import Record
from monolith_core.testing import SourceSuite
from monolith_plugins_ga.source import GoogleAnalyticsSource

__all__ = ["_new_process", "google"]


class TestGoogleAnalytics(SourceSuite):
    plugin = GoogleAnalyticsSource
    days = "2024-02-28", "2024-03-01"

    @pytest.fixture
    def options(self, google: Emulator):
        return {
            "property": PROPERTY,
            "metrics": "sessions",
            "dimensions": "country",
            "endpoint": google.url,
            "page-size": 2,
            "category": "visit",
        }

    @pytest.fixture
    def unreachable(self, options):
        with Emulator({}) as gone:
            return {**options, "endpoint": gone.url}

    @pytest.fixture
    def expected(self):
        return [
            Record(dt.date(2024, month, day), "visit", {"country": country, "sessions": day + more})
            for month, day in ((2, 28), (2, 29), (3, 1))
            for country, more in (("Spain", 0), ("Peru", 1))
        ]
