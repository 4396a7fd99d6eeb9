"""Validate: the values of a section against its model, and what pydantic finds wrong in monolith's words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from monolith_core.config.expand import Value, Values, from_file
from monolith_core.config.expect import example, expectation, shape
from monolith_core.config.found import Found
from monolith_core.config.reader import Section, plain
from monolith_core.config.words import did_you_mean, guess, items, listed, shown
from monolith_core.options import PluginOptions
from monolith_core.secrets import register, secret_parts, url_secrets

Model = TypeVar("Model", bound=PluginOptions)


class Schema:
    """The options of a model by the names they are written with."""

    def __init__(self, model: type[PluginOptions]) -> None:
        self.model = model
        self.fields: dict[str, tuple[str, FieldInfo]] = {}
        for name, info in model.model_fields.items():
            alias = info.alias or name
            self.fields[plain(alias)] = alias, info
        self.open = model.model_config.get("extra") == "allow"

    def has(self, name: str) -> bool:
        """Whether the model has an option; `NAME.KEY` is one if NAME is a mapping."""
        head, dot, key = name.partition(".")
        if dot and key and head in self.fields:
            return shape(self.fields[head][1]).is_mapping
        return name in self.fields and not shape(self.fields[name][1]).is_mapping

    def knows(self, name: str) -> bool:
        """Whether an option may be given to the model."""
        return self.open or self.has(name)

    def names(self) -> list[str]:
        """How each option is written."""
        return [f"{name}.NAME" if shape(info).is_mapping else name for name, (_, info) in self.fields.items()]

    def raw(self, values: Mapping[str, Value]) -> dict[str, Any]:
        """What the model is given: lists are split, `NAME.KEY` options are gathered."""
        given: dict[str, Any] = {}
        for name, value in values.items():
            head, dot, key = name.partition(".")
            if dot and self.has(name):
                given.setdefault(self.fields[head][0], {})[key] = value.text
            elif name not in self.fields:
                given[name] = value.text
            else:
                alias, info = self.fields[name]
                given[alias] = items(value.text) if shape(info).is_list else value.text
        return given

    def secrets(self, values: Mapping[str, Value]) -> Iterable[str]:
        """The secrets among values that may not even be valid."""
        for name, value in values.items():
            head = name.partition(".")[0]
            marked = head in self.fields and shape(self.fields[head][1]).is_secret
            yield from secret_parts(value.text) if marked else url_secrets(value.text)


def unknown_options(
    section: Section,
    knows: Callable[[str], bool],
    known: Iterable[str],
    found: Found,
    elsewhere: Mapping[str, str],
    *,
    sure: bool = True,
) -> None:
    """Note the options that nothing knows; `elsewhere` says of some what to do instead.

    Unless it is `sure` that all plugins were asked, only those that look like a known one are noted.
    """
    for option in section.options.values():
        if knows(option.name) or from_file(option.name, knows):
            continue
        base = option.name.removesuffix("-file")
        near = guess(base, known)
        meant = f"{near}{option.name[len(base) :]}"
        advice = elsewhere.get(option.name) or elsewhere.get(base) or (f"did you mean {meant}?" if near else None)
        if advice or sure:
            advice = advice or f"expected {listed(sorted(known))}"
            found.add(option.line, f"{section} has no option {option.written}; {advice}")


def validate(
    model: type[Model], section: Section, values: Values, found: Found, context: dict[str, Any] | None = None
) -> Model | None:
    """The options of a section; or None, every fault noted and the options at fault spoiled in `values`."""
    schema = Schema(model)
    register(schema.secrets(values.good))
    # What has no place in the model is noted by `unknown_options`.
    given = values.only(schema.knows)
    for name, value in given.good.items():
        advice = model.deprecated.get(name.partition(".")[0])
        if advice:
            found.warn(value.line, f"{value} is deprecated: {advice}")
    try:
        return model.model_validate(schema.raw(given.good), context=context)
    except ValidationError as error:
        explainer = _Explainer(schema, section, given, found)
        explainer.explain(error.errors(include_url=False))
        values.spoil(explainer.explained)
    except Exception as error:  # a plugin's own validator may raise anything
        found.add(section.line, f"{section}: its options cannot be checked: {type(error).__name__}: {error}")
    return None


class _Explainer:
    def __init__(self, schema: Schema, section: Section, values: Values, found: Found) -> None:
        self._schema = schema
        self._section = section
        self._values = values
        self._found = found
        self.explained = set(values.broken)

    def explain(self, errors: Iterable[Mapping[str, Any]]) -> None:
        for error in errors:
            name = self._name(error["loc"])
            if not name:
                self._whole(_text(error))
            elif name not in self.explained:
                self.explained.add(name)  # a union has an error for each of its types
                self._one(name, error)

    def _name(self, place: tuple[int | str, ...]) -> str:
        if not place:
            return ""
        name = plain(str(place[0]))
        dotted = f"{name}.{place[1]}" if len(place) > 1 else ""
        return dotted if dotted in self._values.good else name

    def _one(self, name: str, error: Mapping[str, Any]) -> None:
        info = self._schema.fields[name.partition(".")[0]][1] if name.partition(".")[0] in self._schema.fields else None
        value = self._values.good.get(name)
        if value is None:
            self._found.add(self._section.line, self._missing(name, info, error))
            return
        self._found.add(value.line, f"{value}: {_explained(name, value, info, error)}")

    def _missing(self, name: str, info: FieldInfo | None, error: Mapping[str, Any]) -> str:
        if error["type"] != "missing" or info is None:
            return f"{self._section}: {name}: {_text(error)}"
        right = example(info) or "..."
        from monolith_core.describe import described  # reads source: only for an error

        described(self._schema.model)
        return f"{self._section} lacks the option {name}; add {name} = {right} ({_purpose(info)})"

    def _whole(self, text: str) -> None:
        """A fault of several options stands at the first that it mentions."""
        if self._values.broken:
            return  # it may be the consequence of a fault that is noted already
        mentioned = [value for name, value in self._values.good.items() if _mentions(text, name)]
        mentioned.sort(key=lambda value: (value.section != str(self._section), text.find(value.written)))
        shared = {value.section for value in mentioned} == {"[monolith]"}
        heading = "[monolith]" if shared else str(self._section)
        self._found.add(mentioned[0].line if mentioned else self._section.line, f"{heading}: {text}")


def _mentions(text: str, name: str) -> bool:
    return re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", text) is not None


def _text(error: Mapping[str, Any]) -> str:
    """The text of a validator's own exception, or pydantic's."""
    cause = error.get("ctx", {}).get("error")
    text = str(error["msg"])
    return str(cause) if isinstance(cause, Exception) else text[:1].lower() + text[1:]


def _explained(name: str, value: Value, info: FieldInfo | None, error: Mapping[str, Any]) -> str:
    secret = info is not None and shape(info).is_secret
    got = "***" if secret and value.text else shown(value.text)
    if error["type"] in ("value_error", "assertion_error"):
        text = _text(error)
        return f"{got} {text}" if text.startswith("is ") else text
    expected = expectation(info) if info is not None else None
    if expected is None:
        return f"got {got}; {_text(error)}"
    return f"got {got}, expected {expected}{_advice(name, value, info, expected)}"


def _advice(name: str, value: Value, info: FieldInfo | None, expected: str) -> str:
    near = did_you_mean(value.text, re.split(r", | or ", expected)) if " or " in expected else ""
    right = example(info) if info is not None else None
    if near or right is None:
        return near
    return f"; write e.g. {name} = {right}" if value.section else f"; write e.g. --{name} {right}"


def _purpose(info: FieldInfo) -> str:
    text = (info.description or "").split("; ")[0].split("\n")[0].rstrip(".")
    return text[:1].lower() + text[1:] if text else "it has no default"
