"""The suite for hook plugins: they hear of a run, and disturb nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import pytest

from monolith_core.config.hidden import secrets_of
from monolith_core.errors import Deferred, PermanentError
from monolith_core.partition import Window
from monolith_core.registry import Kind
from monolith_core.testing.bench import Bench
from monolith_core.testing.memory import Memory, memory_source, memory_target
from monolith_core.testing.options import options_of
from monolith_core.testing.suite import ClassSuite, after
from monolith_core.testing.watching import grown, open_files, overheard, running_threads
from monolith_core.testing.workshop import Workshop

_TODAY = dt.date(2024, 3, 10)


class HooksSuite(ClassSuite):
    """Say which class, module or object has the hooks, and how its section looks:

        class TestNotify(HooksSuite):
            plugin = Notify

            @pytest.fixture
            def options(self, monolith_service):
                return {"url": f"{monolith_service.url}/told"}

    The tests have it hear of runs in which days are done, fail, are held and are deferred.
    """

    kind: ClassVar[Kind] = "hooks"
    plugin: ClassVar[Any]
    """What the entry point names."""
    name: ClassVar[str] = "hooks"
    """The id of the section that the hooks are made for."""
    patience: ClassVar[float] = 5.0
    """Seconds that connections and threads have to go away after a run."""

    @pytest.fixture
    def unreachable(self) -> Mapping[str, Any]:
        """Options with which nothing can be reached, secrets included: a port where nobody listens; override it."""
        pytest.skip(f"{type(self).__name__} has no fixture unreachable")

    @pytest.fixture
    def runs(self, monolith_bench: Bench) -> Callable[[object], None]:
        """Has hooks hear of three runs: all is done; days fail, are held or are deferred; nothing has changed."""
        days = {_TODAY - dt.timedelta(days=ago): [{"n": n} for n in range(4)] for ago in range(3)}
        trouble: dict[dt.date, Exception] = {}

        def before(window: Window) -> None:
            if window.start in trouble:
                raise trouble[window.start]

        monolith_bench.source("shop", memory_source(days, before=before), since="2024-03-08", span=1)
        monolith_bench.target("memory", memory_target(Memory()))

        def runs(hooks: object) -> None:
            monolith_bench.run(hooks)
            days[_TODAY] = []
            trouble[_TODAY - dt.timedelta(days=1)] = PermanentError("no such table")
            trouble[_TODAY - dt.timedelta(days=2)] = Deferred("the quota is used up")
            monolith_bench.run(hooks)
            trouble.clear()
            monolith_bench.run(hooks)

        return runs

    def made(self, workshop: Workshop, options: Mapping[str, Any] | None = None) -> Any:
        """The object that the hooks are on, made as a run makes it."""
        if not isinstance(self.plugin, type):
            return self.plugin
        return workshop.make(options) if hasattr(self.plugin, "Options") else self.plugin()

    @after("test_fits_the_contract")
    def test_hears_of_runs(self, workshop: Workshop, runs: Callable[[object], None]) -> None:
        """No hook raises, whatever becomes of a run."""
        with overheard() as lines:
            runs(self.made(workshop))
        raised = [line for line in lines if line.startswith("hook ")]
        assert not raised, raised[0]

    @after("test_fits_the_contract")
    def test_is_silent(
        self, workshop: Workshop, runs: Callable[[object], None], capfd: pytest.CaptureFixture[str]
    ) -> None:
        """Nothing is written to standard output: a report may go there."""
        capfd.readouterr()
        with overheard() as lines:
            runs(self.made(workshop))
        said = [line for line in lines if "wrote to standard output" in line]
        assert not said, said[0]
        out = capfd.readouterr().out
        assert not out, f"on standard output: {out!r}"

    @after("test_fits_the_contract")
    def test_leaks_nothing(self, workshop: Workshop, runs: Callable[[object], None]) -> None:
        """After a run no more files, connections and threads are open than before."""
        runs(self.made(workshop))
        files, threads = open_files(), running_threads()
        for _ in range(2):
            runs(self.made(workshop))
        leaked = grown(files, open_files, self.patience) + grown(threads, running_threads, self.patience)
        assert not leaked, f"still there after the run: {', '.join(leaked)}"

    @after("test_fits_the_contract")
    def test_logs_no_secret(
        self, workshop: Workshop, runs: Callable[[object], None], unreachable: Mapping[str, Any]
    ) -> None:
        """No line of the log shows the value of a secret option, or a URL's password."""
        secrets = secrets_of(options_of(self.plugin.Options, unreachable, name=self.name))
        if not secrets:
            pytest.skip("the fixture unreachable has no secret option and no URL with a password")
        with overheard() as lines:
            runs(self.made(workshop, unreachable))
        assert not any(each in line for each in secrets for line in lines), "a log line shows a secret"
