"""Blame: which plugin is acting, so that what it raises, leaves open or prints can be told with its name.

Whoever calls a plugin does so within `plain_errors(plugin)`, where `str(plugin)` names it with its distribution.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar, Token

from monolith_core.errors import MonolithError, PermanentError, RecordError

_acting: ContextVar[str] = ContextVar("acting", default="")


def acting() -> str:
    """The plugin that is acting in this thread or task, an empty text if it is monolith itself."""
    return _acting.get()


@contextmanager
def acting_as(plugin: str) -> Iterator[None]:
    """Let a plugin act."""
    token = _acting.set(plugin)
    try:
        yield
    finally:
        _acting.reset(token)


def nobody() -> AbstractContextManager[None]:
    """Monolith itself is acting, although a plugin called it."""
    return acting_as("")


class plain_errors:
    """Calls a plugin: what it raises beside MonolithErrors becomes a PermanentError that names it.

    `by` is the plugin that calls it, if it is not monolith itself: it may be at fault too, and is named with it.
    """

    def __init__(self, plugin: object, by: object = None) -> None:
        self._plugin = str(plugin)
        self._both = self._plugin if by is None else f"{plugin}, asked by {by},"
        self._ours = getattr(plugin, "distribution", None) == ""  # a section that monolith made for itself
        self._token: Token[str] | None = None

    def __enter__(self) -> None:
        self._token = _acting.set(self._plugin)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        assert self._token is not None
        _acting.reset(self._token)
        if error is None:
            return
        if isinstance(error, RecordError) and not error.plugin and not self._ours:
            raise error.of(self._plugin) from error
        if isinstance(error, MonolithError):
            return
        if isinstance(error, Exception | SystemExit | KeyboardInterrupt):
            raise blamed(self._both, error) from error


def blamed(plugin: str, error: BaseException) -> PermanentError:
    """The error that says which plugin raised another one."""
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return PermanentError(f"{plugin} raised {' '.join(text.split())}")
