"""The hooks: they listen to a run, and tell what has changed when it is over."""

from pathlib import Path
from typing import Annotated, Any, get_args

import apprise
from pydantic import AfterValidator, Field

from monolith_core import (
    BesidePath,
    Context,
    PartitionFinished,
    PluginOptions,
    Run,
    SecretStr,
    SourcePlanned,
    SourceSkipped,
    TemporaryError,
    hookimpl,
)
from monolith_plugin_notify.message import Message, message, together
from monolith_plugin_notify.state import State, read_state, write_state
from monolith_plugin_notify.troubles import Kind, Trouble, compare


def _services(value: SecretStr) -> SecretStr:
    if not apprise.Apprise().add(value.get_secret_value()):
        raise ValueError("expected URLs of Apprise, such as mailto://user:password@example.org; see `apprise --help`")
    return value


class NotifyOptions(PluginOptions):
    """The options of its section."""

    urls: Annotated[SecretStr, AfterValidator(_services)] = Field(examples=["mailto://user:${PASSWORD}@example.org"])
    """Where to tell it: URLs of Apprise, separated by spaces or commas."""
    state: Annotated[BesidePath, Field(validate_default=True)] = Path("monolith-notify.json")
    """The file that remembers what was told, and what is still to be; it is made when it is needed."""
    about: Annotated[tuple[Kind, ...], Field(min_length=1)] = get_args(Kind)
    """What is told, and that it is well again."""


class NotifyHooks:
    """Tells people when a run breaks off, a source or a day fails, is held or has drifted, and when it is well again.

    Each change once: what a run finds to be as the last one told is not told again.
    """

    Options = NotifyOptions

    def __init__(self, options: NotifyOptions, context: Context) -> None:
        self.options = options
        self.context = context
        self._found: dict[Trouble, str] = {}
        self._well: set[Trouble] = set()

    @hookimpl
    def run_started(self, run: Run) -> None:
        """Begin anew."""
        self._found, self._well = {}, set()

    @hookimpl
    def source_planned(self, event: SourcePlanned) -> None:
        """The source can be worked on."""
        self._well.add(Trouble("source", event.source))

    @hookimpl
    def source_skipped(self, event: SourceSkipped) -> None:
        """The source cannot be worked on; that another run works on it is no trouble."""
        if event.failed:
            self._found[Trouble("source", event.source)] = event.why

    @hookimpl
    def partition_finished(self, event: PartitionFinished) -> None:
        """A day is well, or is not."""
        about = event.partition.source, event.target, event.partition.date.isoformat()
        if event.reason == "drift":
            self._found[Trouble("drift", *about)] = "the target held something else than was written"
        if event.outcome == "failed" or event.outcome == "held":
            self._found[Trouble(event.outcome, *about)] = event.error
        if event.outcome in ("done", "unchanged"):
            self._well |= {Trouble("failed", *about), Trouble("held", *about)}

    @hookimpl
    def run_finished(self, run: Run, report: dict[str, Any]) -> None:
        """Tell what has changed, and what could not be told before, then remember it.

        If that is cut short, it is told twice; what no service took is kept, and told after the next run.
        """
        if report["status"] == "error":
            self._found[Trouble("run")] = report["error"]
        else:
            self._well.add(Trouble("run"))
        found = {trouble: why for trouble, why in self._found.items() if trouble.kind in self.options.about}
        before = read_state(self.options.state)
        changes = compare(before.told, found, self._well, run.started)
        changed = bool(changes.began or changes.ended)
        untold = (*before.untold, message(run, changes)) if changed else before.untold
        taken = not untold
        try:
            taken = taken or self._send(together(untold))
        finally:
            write_state(self.options.state, State(changes.told, () if taken else untold))
        if not taken:
            raise TemporaryError(
                f"not every service of section {self.context.id} took the message; it is sent again after the next run"
            )

    def _send(self, message: Message) -> bool:
        """Whether every service took it."""
        services = apprise.Apprise()
        services.add(self.options.urls.get_secret_value())
        return bool(services.notify(body=message.text, title=message.title, body_format=apprise.NotifyFormat.TEXT))
