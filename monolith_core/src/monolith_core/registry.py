"""Registry: which plugins are installed, and loading them. The only room that knows entry points.

Listing reads the metadata of distributions itself and imports nothing. stevedore could list, but from a cache that
leaves out which distribution an entry point belongs to, and that takes two installations within two minutes for one.
It loads, through `_Loader`, the one entry point that was found here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from importlib import metadata
from importlib.metadata import Distribution, EntryPoint, distributions
from typing import Any, Literal

from monolith_core.errors import MonolithError

Kind = Literal["source", "target", "transform", "executor", "hooks"]
GROUPS: dict[Kind, str] = {
    "source": "monolith.sources",
    "target": "monolith.targets",
    "transform": "monolith.transforms",
    "executor": "monolith.executors",
    "hooks": "monolith",
}
"""The entry point group of each kind of plugin."""

_KINDS: dict[str, Kind] = {group: kind for kind, group in GROUPS.items()}
_GROUP_HEADER = re.compile(r"^\s*\[(monolith(?:\.(?:sources|targets|transforms|executors))?)\]", re.MULTILINE)
_REFERENCE = re.compile(r"[\w.]+\s*(:\s*[\w.]+)?\s*(\[.*\])?")
_UNKNOWN = "unknown"


@dataclass(frozen=True)
class PluginEntry:
    """An installed plugin: its entry point and its distribution; `error` says why it cannot be used, if so."""

    kind: Kind
    name: str
    distribution: str
    version: str
    value: str
    error: str | None = None
    entry_point: EntryPoint | None = field(default=None, repr=False, compare=False)

    @property
    def origin(self) -> str:
        """The distribution with its version."""
        return f"{self.distribution} {self.version}"

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r} of {self.origin}"


def installed(kind: Kind | None = None) -> list[PluginEntry]:
    """Every installed plugin of a kind (None: of all), by kind and name; none of them is imported."""
    found = [entry for distribution in _ours() for entry in _entries(distribution) if kind in (None, entry.kind)]
    order = list(GROUPS)
    found.sort(key=lambda entry: (order.index(entry.kind), entry.name, entry.distribution))
    return [_with_conflict(entry, found) for entry in found]


def version_of(distribution: str) -> str | None:
    """The version of an installed distribution, whether it has plugins or not; None if it is not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def load(kind: Kind, name: str) -> type:
    """Import the plugin `name` and return its class; nothing else is imported.

    Raises MonolithError, naming distribution and version, if there is no such plugin, if two distributions have one of
    that name, if it cannot be imported or does not fit the contract.
    """
    entries = [entry for entry in installed(kind) if entry.name == name]
    if not entries:
        raise MonolithError(f"no {kind} {name!r} is installed")
    plugin: type = load_entry(entries[0])
    return plugin


def load_entry(entry: PluginEntry) -> Any:
    """Import what an entry names and check it against the contract; raises MonolithError otherwise."""
    if entry.error is not None:
        raise MonolithError(entry.error)
    plugin = _import(entry)
    fault = misfit(entry.kind, plugin)
    if fault:
        raise MonolithError(f"{entry} {fault}")
    return plugin


def check_entry(entry: PluginEntry) -> str | None:
    """Import a plugin and check it; what is wrong with it, or None."""
    try:
        load_entry(entry)
    except MonolithError as error:
        return str(error)
    return None


def hook_plugins() -> Iterator[tuple[PluginEntry, Any]]:
    """Import every installed hook plugin: what to look for hooks on, or the MonolithError that prevents it."""
    for entry in installed("hooks"):
        try:
            yield entry, _hooks_of(load_entry(entry))
        except MonolithError as error:
            yield entry, error


def _ours() -> Iterator[Distribution]:
    """The distributions with entry points of ours, each once: the first on the path, as an import finds it.

    A distribution whose metadata cannot be read is passed over, unless it has entry points of ours.
    """
    seen: set[str] = set()
    for distribution in distributions():
        if not _GROUP_HEADER.search(_entry_points_text(distribution)):
            continue
        name = re.sub(r"[-_.]+", "-", _identity(distribution)[0]).lower()
        if name == _UNKNOWN or name not in seen:
            seen.add(name)
            yield distribution


def _entry_points_text(distribution: Distribution) -> str:
    try:
        return distribution.read_text("entry_points.txt") or ""
    except (OSError, UnicodeDecodeError):
        return ""


def _identity(distribution: Distribution) -> tuple[str, str]:
    """Name and version; a half-deleted distribution has none."""
    try:
        metadata = distribution.metadata
        (name, *_), (version, *_) = (metadata.get_all(each) or [_UNKNOWN] for each in ("Name", "Version"))
        return name, version
    except Exception:  # metadata of others: whatever is wrong with it must not stop the listing
        return _UNKNOWN, _UNKNOWN


def _entries(distribution: Distribution) -> Iterator[PluginEntry]:
    name, version = _identity(distribution)
    try:
        points = list(distribution.entry_points)
    except Exception as error:  # a broken file of others, as above
        group = _GROUP_HEADER.search(_entry_points_text(distribution))
        kind = _KINDS[group[1]] if group else "hooks"
        fault = f"entry_points.txt of {name} {version} cannot be read ({_one_line(error)}); install {name} again"
        yield PluginEntry(kind, "?", name, version, "", fault)
        return
    for point in points:
        if point.group in _KINDS:
            yield _with_reference(PluginEntry(_KINDS[point.group], point.name, name, version, point.value), point)


def _with_reference(entry: PluginEntry, point: EntryPoint) -> PluginEntry:
    fault = None
    if not _REFERENCE.fullmatch(point.value):
        fault = f"{entry} names {point.value!r}, expected module:Class; tell the authors of {entry.distribution}"
    return replace(entry, entry_point=point, error=fault)


def _with_conflict(entry: PluginEntry, entries: Iterable[PluginEntry]) -> PluginEntry:
    same = [each for each in entries if (each.kind, each.name) == (entry.kind, entry.name)]
    if len(same) == 1 or entry.error or entry.kind == "hooks":
        return entry
    owners = " and ".join(f"{each.distribution} {each.version}" for each in same)
    return replace(entry, error=f"{entry.kind} {entry.name!r} is in {owners}; uninstall all but one of them")


def _import(entry: PluginEntry) -> Any:
    from stevedore.driver import DriverManager

    class Loader(DriverManager[Any]):
        """stevedore's loading of one plugin, for the entry point that is already found."""

        def list_entry_points(self) -> list[EntryPoint]:
            return [entry.entry_point] if entry.entry_point else []

    try:
        manager = Loader(GROUPS[entry.kind], entry.name, on_load_failure_callback=_raise)
    except (Exception, SystemExit) as error:
        raise MonolithError(
            f"{entry} cannot be imported: {_one_line(error)}; install it again with what it needs: "
            f"pip install --force-reinstall {entry.distribution}"
        ) from error
    return manager.extensions[0].plugin


def _raise(manager: object, entry_point: object, error: BaseException) -> None:
    """Without this stevedore logs the error and carries on."""
    raise error


def _one_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


_VERBS: dict[Kind, tuple[str, ...]] = {
    "source": ("extract",),
    "target": ("replace",),
    "transform": ("record", "partition"),
    "executor": ("extract",),
}
"""The methods of each kind of class, one of which a plugin must have."""


def misfit(kind: Kind, plugin: Any) -> str | None:
    """What of the contract a plugin does not fit, None if it fits."""
    if kind == "hooks":
        return _check_hooks(plugin)
    import monolith_core
    from monolith_core import options as models

    wrong = _check_contract(plugin)
    if wrong:
        return wrong  # the rest is what this version asks for
    verbs, name = _VERBS[kind], kind.capitalize()
    parent = getattr(monolith_core, name)
    defined = [verb for verb in verbs if callable(getattr(plugin, verb, None))]
    defined = [verb for verb in defined if getattr(plugin, verb) is not getattr(parent, verb)]
    if not isinstance(plugin, type) or len(defined) != 1:
        only = " and not both" if len(defined) > 1 else ""
        expected = f"a class with a method {' or '.join(verbs)}{only}, such as a subclass of monolith_core.{name}"
        return f"is no {kind}: expected {expected}"
    options, base = getattr(plugin, "Options", None), getattr(models, f"{name}Options")
    if not isinstance(options, type) or not issubclass(options, base):
        return f"does not say its options: expected its Options to be a subclass of monolith_core.{name}Options"
    return None


def _check_contract(plugin: Any) -> str | None:
    """The contract's version is the first number of monolith-core's."""
    from monolith_core import __version__
    from monolith_core.plugin import CONTRACT

    version = getattr(plugin, "contract", CONTRACT)
    if version == CONTRACT:
        return None
    advice = f'"monolith-core>={version},<{version + 1}"' if isinstance(version, int) else "a monolith-core that fits"
    return (
        f"is made for version {version} of the plugin contract, and monolith-core {__version__} has version "
        f"{CONTRACT}; pip install {advice}, or another release of the plugin"
    )


def _hooks_of(plugin: Any) -> Any:
    """What hooks are looked for on: a class with options is made only for a section that has them."""
    if not isinstance(plugin, type):
        return plugin
    return object.__new__(plugin) if hasattr(plugin, "Options") else plugin()


def _check_hooks(plugin: Any) -> str | None:
    """Register the hooks with a manager of their own, which refuses an implementation that fits no specification."""
    import pluggy

    from monolith_core.hookspecs import GROUP, Hooks

    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(Hooks)
    try:
        # By a name of its own: pluggy's would be a number, which it tells in its errors.
        manager.register(_hooks_of(plugin), name=getattr(plugin, "__name__", type(plugin).__name__))
        manager.check_pending()
    except Exception as error:  # pluggy's own errors, and whatever making the plugin raises
        return f"does not fit the hooks: {_one_line(error)}"
    return None


__all__ = [
    "GROUPS",
    "Kind",
    "PluginEntry",
    "check_entry",
    "hook_plugins",
    "installed",
    "load",
    "load_entry",
    "misfit",
    "version_of",
]
