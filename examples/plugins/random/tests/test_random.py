"""The invented records, held against the contract, and against what other versions of Python invent."""

import datetime as dt

import pytest

from monolith_core import Record
from monolith_core.testing import SourceSuite, memory_target
from monolith_plugin_random import RandomSource

DAY = dt.date(2024, 2, 29)


class TestRandom(SourceSuite):
    plugin = RandomSource
    days = "2024-02-28", "2024-02-29"

    @pytest.fixture
    def options(self):
        return {"records": "3", "seed": "7", "first": "2024-02-29"}

    @pytest.fixture
    def expected(self):
        """What was invented once is invented for ever."""
        return [
            Record(DAY, "order", {"number": 1, "product": "cheese", "amount": 98.19}),
            Record(DAY, "order", {"number": 2, "product": "rice", "amount": 14.17}),
            Record(DAY, "return", {"number": 3, "product": "cheese", "amount": 56.37}),
        ]


@pytest.fixture
def kept(monolith_bench, monolith_memory):
    """The ids of what is kept of a day that a source with some options was asked for."""
    monolith_bench.target("memory", memory_target(monolith_memory))

    def kept(**options):
        monolith_bench.source("shop", RandomSource, since="2024-02-29", until="2024-02-29", **options)
        monolith_bench.run()
        (records,) = monolith_memory.held.values()
        return set(records)

    return kept


def test_another_seed_gives_other_records(kept, monolith_memory):
    first = kept(records="50")
    assert len(first) == 50
    assert not first & kept(records="50", seed="1")
    assert kept(records="50", seed="0") == first
    assert len(monolith_memory.calls) == 3, "a new seed makes the day due"


def test_fewer_records_are_the_first_ones(kept):
    assert kept(records="9", **{"max-shrink": "1"}) > kept(records="5", **{"max-shrink": "1"})


def test_the_first_category_is_the_most_frequent(kept, monolith_memory):
    kept(records="300")
    (records,) = monolith_memory.held.values()
    counts = [sum(each.category == name for each in records.values()) for name in ("order", "return", "visit")]
    assert counts == sorted(counts, reverse=True)
    assert min(counts) > 0


@pytest.mark.parametrize("wrong", [{"records": "-1"}, {"categories": ()}, {"first": "soon"}, {"seed": "x"}])
def test_options_that_make_no_sense(wrong):
    with pytest.raises(ValueError, match="1 validation error"):
        RandomSource.Options.model_validate(wrong)
