"""Blame: what a plugin raises that is no MonolithError becomes one that names the plugin."""

from __future__ import annotations

from monolith_core.errors import MonolithError, PermanentError


class plain_errors:
    """Turns what a plugin raises beside MonolithErrors into a PermanentError that names the plugin."""

    def __init__(self, plugin: object) -> None:
        self._plugin = plugin

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, MonolithError) or error is None:
            return
        if isinstance(error, Exception | SystemExit | KeyboardInterrupt):
            raise blamed(self._plugin, error) from error


def blamed(plugin: object, error: BaseException) -> PermanentError:
    """The error that says which plugin raised another one."""
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return PermanentError(f"{plugin} raised {' '.join(text.split())}")
