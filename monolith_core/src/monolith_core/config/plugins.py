"""Plugins: which plugin a section uses, and what to write when it names none that is there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from monolith_core import registry
from monolith_core.config.expand import Value, Values
from monolith_core.config.found import Found
from monolith_core.config.reader import Section
from monolith_core.config.validate import Schema
from monolith_core.config.words import guess, listed, shown
from monolith_core.errors import MonolithError
from monolith_core.options import PluginOptions
from monolith_core.registry import Kind

_DATA = {
    "sql": "monolith-plugin-sql",
    "elasticsearch": "monolith-plugin-es",
    "google-analytics": "monolith-plugin-ga",
    "rest": "monolith-plugin-rest",
    "files": "monolith-plugin-files",
}
WELL_KNOWN: dict[Kind, dict[str, str]] = {
    "source": _DATA,
    "target": _DATA,
    "transform": dict.fromkeys(("rename", "drop", "keep", "hash", "sum"), "monolith-plugin-transforms"),
    "executor": {},
    "hooks": {},
}
"""Which distribution has the plugins that monolith is known for."""

_CLASSIC = {
    "google-analytics": r"ga|ganalytics|googleanalytics",
    "elasticsearch": r"es|eswrite|elasticsearch\w*|elastic",
    "sql": r"sql\w*|db|database",
    "rest": r"zamboni|solitude|apireader|rest|getsolitude|getappinstalls",
    "files": r"files?|csv\w*|filewriter|std",
}
"""Parts of the dotted paths that classic configurations have in `use`, by the plugin that took their place."""

_EXAMPLE = {
    "source": "a source, such as monolith-plugin-sql",
    "target": "a target, such as monolith-plugin-sql",
    "transform": "monolith-plugin-transforms",
    "executor": "a distribution that has one",
    "hooks": "hooks, such as monolith-plugin-notify",
}
"""What to install where there is no plugin of a kind."""


@dataclass(frozen=True)
class Used:
    """The plugin of a section: its name, and its class, or None if its fault is noted.

    What hooks are may also be a module or an object, which has no options.
    """

    use: str
    plugin: Any
    written_as_user: bool = False
    distribution: str = ""

    @property
    def options(self) -> type[PluginOptions] | None:
        """The model of its options; None if the plugin's fault is noted."""
        return None if self.plugin is None else getattr(self.plugin, "Options", PluginOptions)


class Chooser:
    """Finds the plugins that sections use."""

    def __init__(self, found: Found) -> None:
        self._found = found
        # Listed once: with many distributions that takes longer than all the rest.
        self._installed = registry.installed()

    def choose(self, kind: Kind, name: str, section: Section, own: Values) -> Used:
        """The plugin that a section says it uses, or else the one with the section's id."""
        use = own.good.get("use")
        user = own.good.get("user")
        if "use" in own.broken:
            return Used(name, None)
        if use is None and user is not None and self._names_plugin(kind, user.text, name):
            right = self._right(kind, user.text) or "NAME"
            self._found.add(
                user.line, f"{user}: got {shown(user.text)}, which names a plugin; did you mean use = {right}?"
            )
            return Used(right, self._quietly(kind, right), written_as_user=True)
        text = name if use is None else use.text
        if text not in self._names(kind):
            self._found.add(use.line if use else section.line, self._unknown(kind, text, section, use))
            return Used(text, None)
        try:
            return Used(text, self._load(kind, text), distribution=self._distribution(kind, text))
        except MonolithError as error:
            self._found.add(use.line if use else section.line, f"{section}: {error}")
            return Used(text, None)

    def _entries(self, kind: Kind) -> list[registry.PluginEntry]:
        return [entry for entry in self._installed if entry.kind == kind]

    def _entry(self, kind: Kind, name: str) -> registry.PluginEntry:
        return next(each for each in self._entries(kind) if each.name == name)

    def _load(self, kind: Kind, name: str) -> Any:
        return registry.load_entry(self._entry(kind, name))

    def _distribution(self, kind: Kind, name: str) -> str:
        return self._entry(kind, name).origin

    def _names(self, kind: Kind) -> list[str]:
        return sorted({entry.name for entry in self._entries(kind)})

    def _names_plugin(self, kind: Kind, text: str, name: str) -> bool:
        """Whether the value of `user` is one for `use`, unless the plugin of the section's id has that option."""
        plugin = self._quietly(kind, name)
        if plugin is not None and Schema(getattr(plugin, "Options", PluginOptions)).has("user"):
            return False
        return text in self._names(kind) or text in WELL_KNOWN[kind] or _is_path(text)

    def _quietly(self, kind: Kind, name: str) -> Any:
        try:
            return self._load(kind, name) if name in self._names(kind) else None
        except MonolithError:
            return None

    def _unknown(self, kind: Kind, text: str, section: Section, use: Value | None) -> str:
        if use is None:
            what = f"{section} has no option use, and no {kind} is named {shown(text)}"
            return f"{what}; {self._advice(kind, text, 'add use = ')}"
        if _is_path(text):
            right = self._right(kind, text)
            if right is None:
                return f"{use}: got the path {shown(text)}, expected a plugin's name: {self._choices(kind)}"
            write = f"write use = {right}{self._get(kind, right)}"
            return f"{use}: got the path {shown(text)}, expected a plugin's name; {write}"
        return f"{use}: got {shown(text)}, expected an installed {kind}; {self._advice(kind, text, 'write use = ')}"

    def _advice(self, kind: Kind, text: str, write: str) -> str:
        if text in WELL_KNOWN[kind]:
            return f"pip install {WELL_KNOWN[kind][text]}"
        near = guess(text, {*self._names(kind), *WELL_KNOWN[kind]})
        if near:
            return f"did you mean {near}?{self._get(kind, near)}"
        return f"{write}{self._choices(kind)}"

    def _choices(self, kind: Kind) -> str:
        return listed(self._names(kind)) or f"... after you installed {_EXAMPLE[kind]}"

    def _right(self, kind: Kind, text: str) -> str | None:
        """The plugin that a path means: the installed one of that class, or the successor of a classic one."""
        for entry in self._entries(kind):
            if entry.value.replace(":", ".") == text.replace(":", "."):
                return entry.name
        if kind not in ("source", "target"):
            return None
        parts = re.split(r"[.:]", text.lower())
        for name, pattern in _CLASSIC.items():
            if any(re.fullmatch(pattern, part) for part in parts):
                return name
        return text if not _is_path(text) else None

    def _get(self, kind: Kind, name: str) -> str:
        if name in self._names(kind) or name not in WELL_KNOWN[kind]:
            return ""
        return f" (pip install {WELL_KNOWN[kind][name]})"


def _is_path(text: str) -> bool:
    return re.fullmatch(r"[A-Za-z_][\w.]*[.:][\w.:]*\w", text) is not None
