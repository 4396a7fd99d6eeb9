"""A source that any process can ask, for tests of executors: it is found by an entry point of the test's own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from monolith_core.errors import PermanentError, TemporaryError
from monolith_core.note import Note
from monolith_core.options import SourceOptions
from monolith_core.partition import Partition, Window
from monolith_core.plugin import Source, Staged, Target, Written, Yielded
from monolith_core.record import Record

ENTRY = "monolith-sample"


class SampleOptions(SourceOptions):
    """Options of the sample."""

    records: int = 3
    """How many records a day has."""
    fail: str = ""
    """What happens after the first record: an error that is `temporary`, `permanent`, or of no kind of monolith's."""


class Sample(Source):
    """So many records a day, and a note; or an error."""

    Options = SampleOptions

    def extract(self, window: Window) -> Iterator[Yielded]:
        """Records of each day."""
        for day in window.days():
            yield Note(day, remark=f"known as {self.context.known(day)!r}", version=f"version of {day}")
            for number in range(self.options.records):
                yield Record(day, "fact", {"number": number, "day": day})
                self._fail()

    def _fail(self) -> None:
        if self.options.fail == "temporary":
            raise TemporaryError("the service is busy", retry_after=7)
        if self.options.fail == "permanent":
            raise PermanentError("there is no such table")
        if self.options.fail:
            raise KeyError(self.options.fail)


class Nowhere(Target):
    """Keeps nothing."""

    def replace(self, partition: Partition, staged: Staged) -> Written:
        """Read everything, and forget it."""
        return Written(sum(1 for _ in staged), 0, 0)


@contextmanager
def installed(folder: Path) -> Iterator[None]:
    """Have the sample installed in this process and those it starts: a distribution in a folder on the path."""
    about = folder / "monolith_sample-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: monolith-sample\nVersion: 1.0\n", encoding="utf-8")
    (about / "entry_points.txt").write_text(
        f"[monolith.sources]\n{ENTRY} = monolith_core.testing.sample:Sample\n"
        f"[monolith.targets]\n{ENTRY} = monolith_core.testing.sample:Nowhere\n",
        encoding="utf-8",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        before = os.environ.get("PYTHONPATH")
        patch.setenv("PYTHONPATH", os.pathsep.join([str(folder), *([before] if before else [])]))
        yield


def write_config(folder: Path, **options: str) -> Path:
    """A configuration whose source `sample` is the sample, with some options."""
    lines = [f"{name} = {value}" for name, value in options.items()]
    file = folder / "sample.ini"
    text = (
        "[monolith]\ndatabase = sqlite:///%(here)s/sample.sqlite\n"
        "[phase:extract]\nsources = sample\ntargets = nowhere\n"
        f"[target:nowhere]\nuse = {ENTRY}\n[source:sample]\nuse = {ENTRY}\n" + "\n".join(lines)
    )
    file.write_text(text, encoding="utf-8")
    return file
