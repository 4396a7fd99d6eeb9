"""`monolith check`: the configuration, and a connection to everything it names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from monolith_core.cli.command import FAILED, Command
from monolith_core.cli.parameters import config_argument, json_option

if TYPE_CHECKING:
    from monolith_core.config import Config, PluginConfig
    from monolith_core.storage import Storage

_COLOURS = {"ok": "green", "failed": "red", "none": None}


@dataclass(frozen=True)
class Finding:
    """What was found out about one thing; `none`: its plugin offers no check."""

    kind: str
    id: str
    status: Literal["ok", "failed", "none"]
    message: str


@click.command("check", cls=Command)
@config_argument
@click.option("--timeout", default="10s", show_default=True, help="How long each connection may take, such as 10s.")
@json_option
@click.pass_context
def check(ctx: click.Context, config: Path, timeout: str, as_json: bool) -> None:
    """Check a configuration, and connect to everything.

    The storage first, then every source, target and hook plugin, all at once; each is a line. Nothing is written.
    The exit status is 1 if a connection fails, 2 if the configuration is wrong.
    """
    import trio

    from monolith_core.cli.request import load

    seconds = _seconds(timeout)
    loaded = load(config)
    for line in loaded.warnings:
        click.echo(f"warning: {line}", err=True)
    findings = trio.run(_everything, loaded, seconds, timeout)
    _show(findings, as_json=as_json)
    if any(finding.status == "failed" for finding in findings):
        ctx.exit(FAILED)


def _seconds(text: str) -> float:
    from monolith_core.options import parse_duration

    try:
        seconds = float(parse_duration(text))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--timeout") from None
    if seconds <= 0:
        raise click.BadParameter("expected more than no time, such as 10s", param_hint="--timeout")
    return seconds


async def _everything(config: Config, seconds: float, limit: str) -> list[Finding]:
    """Every finding: the configuration's, the storage's, then those of the plugins in the file's order."""
    import trio

    from monolith_core.logs import amount

    counts = ", ".join(
        amount(len(each), name)
        for name, each in (("source", config.sources), ("target", config.targets), ("phase", config.phases))
    )
    opened, storage = await _storage(config, seconds, limit)
    plugins = [*config.sources.values(), *config.targets.values(), *config.hooks.values()]
    found: dict[int, Finding] = {}

    async def one(number: int, plugin: PluginConfig) -> None:
        found[number] = await _limited(plugin.kind, plugin.id, lambda: _ask(config, plugin, storage), seconds, limit)

    async with trio.open_nursery() as nursery:
        for number, plugin in enumerate(plugins):
            nursery.start_soon(one, number, plugin)
    if storage is not None:
        storage.close()
    return [Finding("configuration", str(config.path), "ok", counts), opened, *(found[n] for n in sorted(found))]


async def _storage(config: Config, seconds: float, limit: str) -> tuple[Finding, Storage | None]:
    """What was found out about the storage, and the storage if it is there."""
    from monolith_core.storage import Storage

    opened: list[Storage] = []

    def open_it() -> str:
        storage = Storage.open(config.monolith.database.get_secret_value(), migrate=False)
        if not storage.exists:
            return f"{storage.location}: nothing there yet, the first run makes it"
        opened.append(storage)
        return storage.location

    finding = await _limited("storage", "", open_it, seconds, limit)
    return finding, opened[0] if opened and finding.status == "ok" else None


async def _limited(kind: str, name: str, call: Callable[[], str | None], seconds: float, limit: str) -> Finding:
    """Run a blocking check in a thread; one that does not answer in time is left to itself."""
    import trio

    from monolith_core.errors import MonolithError
    from monolith_core.logs import plain

    with trio.move_on_after(seconds):
        try:
            answer = await trio.to_thread.run_sync(call, abandon_on_cancel=True, limiter=trio.CapacityLimiter(1))
        except MonolithError as error:
            return Finding(kind, name, "failed", plain(str(error)))
        if answer is None:
            return Finding(kind, name, "none", "offers no check")
        return Finding(kind, name, "ok", plain(answer))
    return Finding(kind, name, "failed", f"no answer within {limit}")


def _ask(config: Config, plugin: PluginConfig, storage: Storage | None) -> str | None:
    """A plugin's own answer; None if it offers no check."""
    from monolith_core.blame import plain_errors
    from monolith_core.plugin import Checks
    from monolith_core.runner.opened import make_context

    if plugin.kind == "hooks":
        return _ask_hooks(config, plugin)
    with plain_errors(plugin):
        context = make_context(plugin, config.monolith.timezone, storage, lambda window: None)
        made: Any = plugin.plugin(plugin.options, context)
        try:
            return made.check() if isinstance(made, Checks) else None
        finally:
            made.close()


def _ask_hooks(config: Config, plugin: PluginConfig) -> str | None:
    from monolith_core.blame import plain_errors
    from monolith_core.cli.hooks import make_hooks
    from monolith_core.plugin import Checks

    with plain_errors(plugin.id):
        made: Any = make_hooks(plugin, config)
        return made.check() if isinstance(made, Checks) else None


def _show(findings: list[Finding], *, as_json: bool) -> None:
    from monolith_core.cli.paint import painted, say, say_json

    if as_json:
        say_json([asdict(finding) for finding in findings])
        return
    names = [f"{finding.kind} {finding.id}".rstrip() for finding in findings]
    width = max(map(len, names))
    for name, finding in zip(names, findings, strict=True):
        word = painted(f"{'-' if finding.status == 'none' else finding.status:<6}", _COLOURS[finding.status])
        say(f"{word}  {name:<{width}}  {finding.message}")
