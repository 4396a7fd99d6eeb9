"""Load: a file into a Config, or all of its faults."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from monolith_core.config import checks
from monolith_core.config.expand import Expander, Value, Values
from monolith_core.config.fingerprint import fingerprint
from monolith_core.config.found import Found
from monolith_core.config.hidden import secrets
from monolith_core.config.model import (
    NOT_SHARED,
    Config,
    MonolithOptions,
    PhaseConfig,
    PhaseOptions,
    PluginConfig,
    SequenceOptions,
)
from monolith_core.config.plugins import Chooser, Used
from monolith_core.config.reader import Section, plain, read_ini
from monolith_core.config.sections import Sections, sort
from monolith_core.config.validate import Model, Schema, unknown_options, validate
from monolith_core.config.words import did_you_mean, items, listed, shown
from monolith_core.options import ExecutorOptions, PluginOptions, SourceOptions, TargetOptions, TransformOptions
from monolith_core.registry import Kind
from monolith_core.secrets import register
from monolith_core.urls import database_location

_PLUGINS: tuple[Kind, ...] = ("transform", "executor", "source", "target", "hooks")
"""The kinds of sections that name plugins; sources name the first two kinds in turn."""

_COMMON: Mapping[Kind, type[PluginOptions]] = {
    "transform": TransformOptions,
    "executor": ExecutorOptions,
    "source": SourceOptions,
    "target": TargetOptions,
}
"""What every plugin of a kind may be told."""

LOCAL = "local"
"""The executor that needs no section."""

_MOVED = {"history": "write database = URL, which names the ledger's database too"}
"""What classic configurations have in [monolith], and what to do instead."""


def load_config(
    path: str | os.PathLike[str],
    *,
    sequence: Sequence[str] | None = None,
    overrides: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Config:
    """The configuration in a file, wholly checked; only the plugins that it names are imported.

    `sequence` are the phases or sequences to run instead of those that the file says, `overrides` option values that
    win over every section's (those of the command line, `{"retries": "5"}`), `environ` the variables for `${NAME}`
    (default: the process's). Raises ConfigurationError with every fault. The configuration's secrets are registered
    with `monolith_core.secrets`.
    """
    found = Found(os.fspath(path))
    sections = sort(read_ini(Path(path), found), found)
    given = {plain(name): Value(text, 0, "", plain(name)) for name, text in (overrides or {}).items()}
    loader = _Loader(Path(path), sections, Values(given), os.environ if environ is None else environ, found)
    return loader.load(sequence)


@dataclass
class _PluginSection:
    """A plugin's section on its way to a PluginConfig; without a schema, its plugin's fault is noted."""

    kind: Kind
    id: str
    section: Section
    used: Used
    schema: Schema | None
    values: Values = field(default_factory=Values)

    def has(self, name: str) -> bool:
        return self.schema is not None and self.schema.has(name)

    def knows(self, name: str) -> bool:
        """Whether the section may have an option; of one without a schema that is not known."""
        names = ("use", "user") if self.used.written_as_user else ("use",)
        return self.schema is None or name in names or self.schema.knows(name)


class _Loader:
    def __init__(
        self, path: Path, sections: Sections, overrides: Values, environ: Mapping[str, str], found: Found
    ) -> None:
        self._path = path
        self._folder = path.absolute().parent
        self._sections = sections
        self._overrides = overrides
        self._found = found
        self._expander = Expander(self._folder, environ, found)
        self._chooser = Chooser(found)
        self._used: dict[Kind, set[str]] = {"transform": set(), "executor": set()}

    def load(self, sequence: Sequence[str] | None) -> Config:
        plugins = list(chain.from_iterable(map(self._plugins, _PLUGINS)))
        self._check_overrides(plugins)
        shared, monolith = self._monolith(plugins)
        made: dict[tuple[str, str], PluginConfig | None] = {}
        for each in plugins:
            made[each.kind, each.id] = self._plugin(each, shared, monolith, made)
        checks.helpers_used(self._sections, self._used, self._found)
        phases = self._phases()
        sequences = self._sequences()
        to_run = self._to_run(sequence, shared, sequences)
        self._found.check()
        assert monolith is not None  # else there was a fault
        config = Config(
            path=self._path,
            monolith=monolith,
            sources={name: each for (kind, name), each in made.items() if each and kind == "source"},
            targets={name: each for (kind, name), each in made.items() if each and kind == "target"},
            phases=phases,
            sequences=sequences,
            sequence=to_run,
            hooks={name: each for (kind, name), each in made.items() if each and kind == "hooks"},
            warnings=self._found.warnings,
        )
        register(secrets(config))
        return config

    def _plugins(self, kind: Kind) -> Iterator[_PluginSection]:
        """The plugin of each section of a kind, and the section's values."""
        for name, section in self._sections.of(kind).items():
            naming = {key: each for key, each in section.options.items() if key in ("use", "use-file", "user")}
            own = self._expander.values(Section(section.name, section.line, naming), lambda key: key in ("use", "user"))
            used = self._chooser.choose(kind, name, section, own)
            schema = Schema(used.options) if used.options else None
            plugin = _PluginSection(kind, name, section, used, schema)
            plugin.values = self._expander.values(section, plugin.knows)
            yield plugin

    def _check_overrides(self, plugins: Sequence[_PluginSection]) -> None:
        known = Schema(MonolithOptions)
        for name, value in self._overrides.good.items():
            if not known.has(name) and not any(plugin.knows(name) for plugin in plugins):
                self._found.add(0, f"{value}: no section has such an option{did_you_mean(name, known.names())}")

    def _monolith(self, plugins: Sequence[_PluginSection]) -> tuple[Values, MonolithOptions | None]:
        """The values of [monolith], to be shared, and its own options."""
        section, own = self._sections.monolith, Schema(MonolithOptions)

        def knows(name: str) -> bool:
            return own.has(name) or any(plugin.has(name) for plugin in plugins)

        names = {*own.names(), *chain.from_iterable(each.schema.names() for each in plugins if each.schema)}
        sure = all(plugin.schema for plugin in plugins)
        unknown_options(section, knows, names, self._found, _MOVED, sure=sure)
        values = self._expander.values(section, knows)
        together = self._overrides.over(values)
        if self._sections.missing:
            return values, None  # which is noted
        options = validate(MonolithOptions, section, together, self._found)
        values.spoil(together.broken)
        self._overrides.spoil(together.broken)
        return values, options

    def _plugin(
        self,
        plugin: _PluginSection,
        shared: Values,
        monolith: MonolithOptions | None,
        made: Mapping[tuple[str, str], PluginConfig | None],
    ) -> PluginConfig | None:
        """The section, checked; None if it has a fault. `made` has the transforms and executors."""
        if plugin.schema is None or plugin.used.plugin is None:
            self._common(plugin)
            return None
        names = [*plugin.schema.names(), "use"]
        elsewhere = {**_elsewhere(plugin.id), **plugin.schema.model.moved}
        unknown_options(plugin.section, plugin.knows, names, self._found, elsewhere)
        base = shared.only(lambda name: plugin.has(name) and name not in NOT_SHARED)
        values = self._overrides.only(plugin.has).over(plugin.values.only(lambda name: name != "use").over(base))
        context = {"here": self._folder, "id": plugin.id}
        options = validate(plugin.schema.model, plugin.section, values, self._found, context)
        transforms = self._helpers(plugin, values, "transforms", made)
        executors = self._helpers(plugin, values, "executor", made)
        if options is None or monolith is None or not self._is_located(plugin, options):  # which is noted
            return None
        mark = fingerprint(
            plugin.kind,
            plugin.used.use,
            options,
            storage=database_location(monolith.database.get_secret_value()),
            timezone=str(monolith.timezone),
            transforms=[(each.use, each.options) for each in transforms],
        )
        return PluginConfig(
            kind=plugin.kind,
            id=plugin.id,
            use=plugin.used.use,
            options=options,
            plugin=plugin.used.plugin,
            file=self._found.file,
            line=plugin.section.line,
            fingerprint=mark,
            distribution=plugin.used.distribution,
            transforms=tuple(transforms),
            executor=executors[0] if executors else None,
        )

    def _is_located(self, plugin: _PluginSection, options: PluginOptions) -> bool:
        """Whether the options can say where their data is, which everyone relies on later."""
        try:
            options.location()
        except Exception as error:  # the plugin's own
            text = f"{plugin.used.use} of {plugin.used.distribution} cannot say where its data is"
            self._found.add(plugin.section.line, f"{plugin.section}: {text}: {type(error).__name__}: {error}")
            return False
        return True

    def _helpers(
        self,
        plugin: _PluginSection,
        values: Values,
        option: str,
        made: Mapping[tuple[str, str], PluginConfig | None],
    ) -> list[PluginConfig]:
        """The transforms, or the executor, that a source names."""
        value = values.good.get(option)
        if plugin.kind != "source" or value is None or (option, value.text) == ("executor", LOCAL):
            return []
        kind: Kind = "transform" if option == "transforms" else "executor"
        given = items(value.text)
        local = f"{LOCAL}, or " if kind == "executor" else ""
        checks.names(value, given, self._sections.of(kind), f"{local}ids of [{kind}:ID] sections", self._found)
        self._used[kind].update(given)
        return [each for name in given if (each := made.get((kind, name))) is not None]

    def _common(self, plugin: _PluginSection) -> None:
        """Check what every plugin of the kind may be told, of a section whose own is not known."""
        common = _COMMON.get(plugin.kind)
        if common is not None:
            validate(common, plugin.section, plugin.values, self._found)
        for option in ("transforms", "executor"):
            self._helpers(plugin, plugin.values, option, {})

    def _lists(self, section: Section, model: type[Model]) -> tuple[Values, Model | None]:
        """The values of a section of the core's own, and its options."""
        schema = Schema(model)
        unknown_options(section, schema.has, schema.names(), self._found, {})
        values = self._expander.values(section, schema.has)
        return values, validate(model, section, values, self._found)

    def _ids(self, values: Values, option: str, known: Mapping[str, Section], what: str) -> tuple[str, ...]:
        """The ids that an option lists; those that are none are noted."""
        value = values.good.get(option)
        given = items(value.text) if value else ()
        checks.names(value, given, known, what, self._found)
        return given

    def _phases(self) -> dict[str, PhaseConfig]:
        phases = {}
        sure = True
        for name, section in self._sections.phase.items():
            values, options = self._lists(section, PhaseOptions)
            sources = self._ids(values, "sources", self._sections.source, "ids of [source:ID] sections")
            targets = self._ids(values, "targets", self._sections.target, "ids of [target:ID] sections")
            phases[name] = PhaseConfig(name, sources, targets, options.on_failure if options else "continue")
            sure = sure and {"sources", "targets"} <= values.good.keys()
        if sure:  # else it is not known what the faulty phase would use
            checks.all_used(self._sections, phases, self._found)
        return phases

    def _sequences(self) -> dict[str, tuple[str, ...]]:
        checks.told_apart(self._sections, self._found)
        sequences = {}
        for name, section in self._sections.sequence.items():
            values, _ = self._lists(section, SequenceOptions)
            sequences[name] = self._ids(values, "phases", self._sections.phase, "ids of [phase:ID] sections")
        return sequences

    def _to_run(
        self,
        asked: Sequence[str] | None,
        values: Values,
        sequences: Mapping[str, tuple[str, ...]],
    ) -> tuple[str, ...]:
        """The phases to run: those asked for, those that [monolith] says, or all."""
        known = {**self._sections.phase, **self._sections.sequence}
        said = self._ids(values, "sequence", known, "ids of [phase:ID] or [sequence:ID] sections")
        checks.all_in_sequence(self._sections, said, sequences, self._found)
        if asked is not None:
            self._check_asked(asked, known)
        chosen = asked if asked is not None else said or tuple(self._sections.phase)
        every = chain.from_iterable(sequences.get(name, (name,)) for name in chosen)
        return tuple(dict.fromkeys(every))

    def _check_asked(self, asked: Sequence[str], known: Mapping[str, Section]) -> None:
        expected = f"a phase or a sequence of {self._found.file} ({listed(known)})"
        for name in asked or [""]:
            if name not in known:
                self._found.add(0, f"--sequence: got {shown(name)}, expected {expected}{did_you_mean(name, known)}")


def _elsewhere(name: str) -> dict[str, str]:
    """What to do about options that are right in another place, or were in a classic configuration."""
    return {
        "id": f"the id is {name}, from the section's name; remove the line, or rename the section",
        "timezone": "write it into [monolith]",
        "sequence": "write it into [monolith]",
        "lease": "write it into [monolith]",
    }
