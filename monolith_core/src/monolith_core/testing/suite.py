"""What every plugin is held to, whatever it is for: the cases that the suites have in common."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic.fields import FieldInfo

from monolith_core.config.expect import shape
from monolith_core.config.hidden import secrets_of
from monolith_core.describe import described
from monolith_core.errors import MonolithError
from monolith_core.options import PluginOptions
from monolith_core.plugin import Checks, Connector
from monolith_core.registry import Kind, misfit
from monolith_core.testing.options import options_of
from monolith_core.testing.watching import grown, open_files, overheard, running_threads
from monolith_core.testing.workshop import Workshop

_SECRET = re.compile(r"(?:password|passwd|secret|token|api_?key)(?!_url$)", re.IGNORECASE)


def claims(flag: str) -> pytest.MarkDecorator:
    """Marks a case about something that a plugin may not claim: with the flag off it is skipped, and says so."""
    return pytest.mark.monolith_claims(flag)


def after(*cases: str) -> pytest.MarkDecorator:
    """Marks a case that cannot judge where others fail: it is skipped then, so that a fault shows where it is."""
    return pytest.mark.monolith_after(*cases)


class ClassSuite:
    """What can be said of a plugin's class without making an object."""

    kind: ClassVar[Kind]
    plugin: ClassVar[type[Any]]
    """The class that is tested."""
    name: ClassVar[str] = "shop"
    """The id of the section that the plugin is made for."""
    timezone: ClassVar[str] = "UTC"
    """The time zone that days are counted in."""

    @pytest.fixture
    def options(self) -> Mapping[str, Any]:
        """The options of the plugin's section, as they are written there; override it."""
        return {}

    @pytest.fixture
    def workshop(self, options: Mapping[str, Any], monolith_storage: Connector, tmp_path: Path) -> Workshop:
        """Makes objects of the plugin."""
        return Workshop(
            self.plugin, options, name=self.name, timezone=self.timezone, storage=monolith_storage, folder=tmp_path
        )

    def test_fits_the_contract(self) -> None:
        """The class has the methods, the options and the version of the contract that the engine asks for."""
        fault = misfit(self.kind, self.plugin)
        assert fault is None, f"{getattr(self.plugin, '__name__', self.plugin)} {fault}"

    def test_options_are_documented(self) -> None:
        """Every option has a description, which `monolith plugins show` and the documentation print."""
        silent = [name for name, info in self._options_fields() if not info.description]
        assert not silent, f"without a docstring: {', '.join(silent)}"

    def test_secrets_are_marked(self) -> None:
        """An option that is a password by its name is a SecretStr, so that it is shown nowhere."""
        plain = [name for name, info in self._options_fields() if _SECRET.search(name) and shape(info).type is str]
        assert not plain, f"to be SecretStr: {', '.join(plain)}"

    def _options_fields(self) -> Iterable[tuple[str, FieldInfo]]:
        model: type[PluginOptions] = getattr(self.plugin, "Options", PluginOptions)
        return described(model).model_fields.items()


class PluginSuite(ClassSuite):
    """The base of the suites for what is set up, used and closed."""

    durable: ClassVar[bool] = True
    """What is behind the options is there after `close`, for another object with the same options."""
    patience: ClassVar[float] = 5.0
    """Seconds that connections and threads have to go away after `close`."""

    @pytest.fixture
    def unreachable(self) -> Mapping[str, Any]:
        """Options with which nothing can be reached, secrets included: a port where nobody listens; override it."""
        pytest.skip(f"{type(self).__name__} has no fixture unreachable")

    def exercise(self, plugin: Any) -> None:
        """Use a plugin that is set up for what it is for, once."""
        raise NotImplementedError

    def test_closes_without_setup(self, workshop: Workshop) -> None:
        """`close` works on an object that was never set up, as after a failed `setup`."""
        workshop.make().close()

    @after("test_closes_without_setup")
    def test_making_it_opens_nothing(self, workshop: Workshop) -> None:
        """Making an object connects to nothing: `monolith plan` makes one, and may never use it."""
        workshop.make().close()  # what libraries open once and for all does not count
        files, threads = open_files(), running_threads()
        plugin = workshop.make()
        try:
            opened = grown(files, open_files, 0) + grown(threads, running_threads, 0)
        finally:
            plugin.close()
        assert not opened, f"opened before setup: {', '.join(opened)}"

    @claims("durable")
    def test_sets_up_again(self, workshop: Workshop) -> None:
        """`setup` works where everything is there already, also while another object is at work."""
        with workshop.open() as plugin:
            self.exercise(plugin)
            with workshop.open() as another:
                self.exercise(another)

    @after("test_sets_up_again")
    def test_leaks_no_file(self, workshop: Workshop) -> None:
        """After `close` no more files and connections are open than before."""
        leaked = self._leaked(workshop, open_files)
        assert not leaked, f"still open after close: {', '.join(leaked)}"

    @after("test_sets_up_again")
    def test_leaks_no_thread(self, workshop: Workshop) -> None:
        """After `close` no more threads run than before."""
        leaked = self._leaked(workshop, running_threads)
        assert not leaked, f"still running after close: {', '.join(leaked)}"

    def test_is_silent(self, workshop: Workshop, capfd: pytest.CaptureFixture[str]) -> None:
        """Nothing is written to standard output: that is the commands'. A plugin has `context.log`."""
        capfd.readouterr()
        self._cycle(workshop)
        said = capfd.readouterr().out
        assert not said, f"on standard output: {said!r}"

    def test_swallows_no_error(self, workshop: Workshop, unreachable: Mapping[str, Any]) -> None:
        """Where nothing can be reached, it raises: no answer is not an empty answer."""
        error, _ = self._failure(workshop, unreachable)
        assert error is not None, "no error where nothing can be reached; what is read or written was made up"

    def test_raises_errors_of_monolith(self, workshop: Workshop, unreachable: Mapping[str, Any]) -> None:
        """The error says what is to be done about it: a TemporaryError is tried again, a PermanentError is not."""
        error, _ = self._failure(workshop, unreachable)
        if error is not None and not isinstance(error, MonolithError):
            pytest.fail(f"raised {type(error).__name__}, expected TemporaryError or PermanentError: {error}")

    def test_shows_no_secret(self, workshop: Workshop, unreachable: Mapping[str, Any]) -> None:
        """No error shows the value of a secret option, or a URL's password."""
        secrets = self._secrets(unreachable)
        error, _ = self._failure(workshop, unreachable)
        assert not any(each in str(error) for each in secrets), "the error shows a secret"

    def test_logs_no_secret(self, workshop: Workshop, unreachable: Mapping[str, Any]) -> None:
        """No line of the log shows the value of a secret option, or a URL's password."""
        secrets = self._secrets(unreachable)
        _, lines = self._failure(workshop, unreachable)
        assert not any(each in line for each in secrets for line in lines), "a log line shows a secret"

    @after("test_closes_without_setup")
    def test_checks_in_one_line(self, workshop: Workshop) -> None:
        """`check` says in one line what it found."""
        plugin = self._checking(workshop, None)
        try:
            said = plugin.check()
        finally:
            plugin.close()
        lines = said.splitlines() if isinstance(said, str) else []
        assert len(lines) == 1, f"expected one line, got {said!r}"

    @after("test_closes_without_setup")
    def test_check_tells_what_is_wrong(self, workshop: Workshop, unreachable: Mapping[str, Any]) -> None:
        """`check` raises where nothing can be reached."""
        plugin = self._checking(workshop, unreachable)
        try:
            said = plugin.check()
        except MonolithError:
            return
        finally:
            plugin.close()
        pytest.fail(f"said {said!r} where nothing can be reached")

    def _checking(self, workshop: Workshop, options: Mapping[str, Any] | None) -> Any:
        plugin = workshop.make(options)
        if not isinstance(plugin, Checks):
            plugin.close()
            pytest.skip(f"{self.plugin.__name__} has no method check")
        return plugin

    def _cycle(self, workshop: Workshop) -> None:
        with workshop.open() as plugin:
            self.exercise(plugin)

    def _leaked(
        self,
        workshop: Workshop,
        look: Callable[[], list[str]],
        cycle: Callable[[Workshop], None] | None = None,
    ) -> list[str]:
        """What is more after two cycles than after a first one, which may open things once and for all."""
        cycle = cycle or self._cycle
        cycle(workshop)
        before = look()
        for _ in range(2):
            cycle(workshop)
        return grown(before, look, self.patience)

    def _failure(self, workshop: Workshop, unreachable: Mapping[str, Any]) -> tuple[Exception | None, list[str]]:
        """What using it raises where nothing can be reached, and what is logged."""
        with overheard() as lines:
            try:
                with workshop.open(unreachable) as plugin:
                    self.exercise(plugin)
            except Exception as error:
                return error, lines
        return None, lines

    def _secrets(self, options: Mapping[str, Any]) -> frozenset[str]:
        found = secrets_of(options_of(self.plugin.Options, options, name=self.name))
        if not found:
            pytest.skip("the fixture unreachable has no secret option and no URL with a password")
        return found
