"""The suite for executors: wherever a source is asked, the answer is the same."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import pytest

from monolith_core.errors import MonolithError, PermanentError, TemporaryError
from monolith_core.executor import Executor, WindowTask
from monolith_core.partition import Window
from monolith_core.plugin import Context
from monolith_core.registry import Kind
from monolith_core.testing.options import options_of
from monolith_core.testing.sample import Sample, installed, write_config
from monolith_core.testing.suite import PluginSuite, after
from monolith_core.testing.together import together
from monolith_core.testing.watching import open_files, running_threads
from monolith_core.testing.workshop import Workshop
from monolith_core.testing.yielding import begin, yielded

_START = dt.date(2024, 2, 28)


class ExecutorSuite(PluginSuite):
    """Say which class it is and how its section looks:

        class TestPool(ExecutorSuite):
            plugin = Pool

            @pytest.fixture
            def options(self):
                return {"processes": "2"}

    The tests ask a source that this process and those it starts find installed.
    """

    kind: ClassVar[Kind] = "executor"
    plugin: ClassVar[type[Executor]]

    @pytest.fixture(autouse=True)
    def _sample(self, tmp_path: Path) -> Iterator[None]:
        self._folder = tmp_path
        with installed(tmp_path / "site"):
            yield

    def task(self, days: int = 3, *, known: Mapping[dt.date, str] | None = None, **options: str) -> WindowTask:
        """Some days to be asked of the source, which has these options."""
        config = write_config(self._folder, **options)
        window = Window("sample", _START, _START + dt.timedelta(days=days - 1))
        known = known or {}
        context = Context(id="sample", timezone=ZoneInfo("UTC"), known=lambda day: known.get(day, ""))
        source = Sample(options_of(Sample.Options, options), context)
        return WindowTask(config, "extract", "sample", window, known, ask=lambda: source.extract(window))

    def exercise(self, plugin: Any) -> None:
        """Have a window asked."""
        yielded(plugin, self.task())

    def test_gives_what_the_source_yields(self, workshop: Workshop) -> None:
        """Every record and note comes as the source yields it."""
        task = self.task(known={_START: "version 1"})
        with workshop.open() as executor:
            found = yielded(executor, task)
        assert found == list(task.ask())  # type: ignore[arg-type]

    def test_gives_many_records(self, workshop: Workshop) -> None:
        """A large answer comes whole."""
        task = self.task(records="5000")
        with workshop.open() as executor:
            assert len(yielded(executor, task)) == 3 * 5001

    @pytest.mark.parametrize("kind", ["temporary", "permanent"])
    def test_raises_what_the_source_raises(self, workshop: Workshop, kind: str) -> None:
        """An error of the source arrives with its kind, its text, and when to try again: the engine acts on it."""
        with workshop.open() as executor:
            error = self._error(executor, self.task(fail=kind))
        expected = TemporaryError if kind == "temporary" else PermanentError
        assert isinstance(error, expected), f"raised {error!r}, the source raised a {expected.__name__}"
        assert ("busy" if kind == "temporary" else "no such table") in str(error)
        if isinstance(error, TemporaryError):
            assert error.retry_after == 7, "the error lost its retry_after"

    def test_raises_what_nobody_foresaw(self, workshop: Workshop) -> None:
        """Whatever else the source raises arrives as an error that says what it was."""
        with workshop.open() as executor:
            error = self._error(executor, self.task(fail="surprise"))
        assert "surprise" in str(error), f"raised {error!r}, the source raised KeyError: 'surprise'"

    @after("test_gives_what_the_source_yields")
    def test_asks_several_at_once(self, workshop: Workshop) -> None:
        """Several windows are asked at once, each gets its own answer."""
        tasks = [self.task(days) for days in (1, 2, 3)]
        found: dict[int, list[Any]] = {}

        def take(executor: Any, number: int, task: WindowTask) -> None:
            found[number] = yielded(executor, task)

        with workshop.open() as executor:
            together(*[partial(take, executor, number, task) for number, task in enumerate(tasks)])
        for number, task in enumerate(tasks):
            assert found[number] == list(task.ask()), f"{task.window} got another answer"  # type: ignore[arg-type]

    @after("test_leaks_no_file", "test_leaks_no_thread")
    def test_leaks_nothing_when_given_up(self, workshop: Workshop) -> None:
        """After a window that was given up in its middle, and `close`, no more is open than before."""

        def give_up(workshop: Workshop) -> None:
            with workshop.open() as executor:
                begin(executor, self.task(records="5000"))

        leaked = self._leaked(workshop, open_files, give_up) + self._leaked(workshop, running_threads, give_up)
        assert not leaked, f"still there after close: {', '.join(leaked)}"

    @staticmethod
    def _error(executor: Any, task: WindowTask) -> Exception:
        try:
            yielded(executor, task)
        except (MonolithError, KeyError) as error:
            return error
        pytest.fail("the source raised, and the executor did not")
