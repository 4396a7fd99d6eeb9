"""The suite for transforms: what makes one a pure function."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from copy import deepcopy
from typing import Any, ClassVar

import pytest

from monolith_core.encoding import canonical
from monolith_core.partition import Window
from monolith_core.plugin import StagedRecord
from monolith_core.record import Record
from monolith_core.registry import Kind
from monolith_core.runner.transforming import Named, pipeline
from monolith_core.stage import Stage
from monolith_core.testing.suite import ClassSuite, after
from monolith_core.testing.workshop import Workshop
from monolith_core.transform import Transform

DAY = dt.date(2024, 2, 29)


class TransformSuite(ClassSuite):
    """Say which class it is, how its section looks, and what it makes of which records:

    class TestTop(TransformSuite):
        plugin = Top
        given = [{"n": 3}, {"n": 1}, {"n": 2}]
        expected = [{"n": 3}, {"n": 2}]

        @pytest.fixture
        def options(self):
            return {"field": "n", "most": "2"}

    """

    kind: ClassVar[Kind] = "transform"
    plugin: ClassVar[type[Transform]]
    given: ClassVar[Sequence[dict[str, Any]]]
    """The data of the records of one day that the transform is given."""
    expected: ClassVar[Sequence[dict[str, Any]]]
    """The data of the records that it makes of them, in any order."""

    def changed(self, transform: Any, records: Iterable[Record]) -> list[StagedRecord]:
        """What a transform makes of records on their way into the stage."""
        with Stage(self.name, Window(self.name, DAY, DAY)) as stage:
            sink = pipeline([Named(self.plugin.__name__, transform)], stage)
            try:
                sink.fill(records)
                sink.end()
            finally:
                sink.close()
            return sorted(record for staged in stage.finish().values() for record in staged)

    def records(self) -> list[Record]:
        """A record for each piece of `given`."""
        return [Record(DAY, "fact", data) for data in deepcopy(self.given)]

    def test_changes_what_it_should(self, workshop: Workshop) -> None:
        """What is `given` becomes what is `expected`, and stays on its day, with its source."""
        found = sorted(record.data for record in self.changed(workshop.make(), self.records()))
        assert found == sorted(canonical(data) for data in self.expected)

    @after("test_changes_what_it_should")
    def test_is_pure(self, workshop: Workshop) -> None:
        """The same records give the same, whatever it was given before, and whoever asks."""
        one, other = workshop.make(), workshop.make()
        found = [self.changed(each, self.records()) for each in (one, one, other)]
        assert found[1:] == found[:1] * 2, "the same records gave others the second time"

    @after("test_changes_what_it_should", "test_is_pure")
    def test_order_does_not_matter(self, workshop: Workshop) -> None:
        """Records in another order give the same records."""
        transform = workshop.make()
        turned = self.changed(transform, reversed(self.records()))
        assert turned == self.changed(transform, self.records()), "records in another order gave others"

    @after("test_changes_what_it_should")
    def test_leaves_what_it_is_given(self, workshop: Workshop) -> None:
        """No record is changed in its place: what is given may be in use elsewhere."""
        records = self.records()
        before = [repr(record) for record in records]
        self.changed(workshop.make(), records)
        assert [repr(record) for record in records] == before, "the data of a record was changed in its place"

    @after("test_changes_what_it_should")
    def test_is_silent(self, workshop: Workshop, capfd: pytest.CaptureFixture[str]) -> None:
        """Nothing is written to standard output."""
        capfd.readouterr()
        self.changed(workshop.make(), self.records())
        said = capfd.readouterr().out
        assert not said, f"on standard output: {said!r}"
