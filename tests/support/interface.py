"""The public interface as text: every name that others build on, with its signature.

`tests/data/interface.txt` has the text as it was agreed. After a change that is meant, write it anew, and say in the
changelog what changed:

    .venv/bin/python tests/support/interface.py
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, ForwardRef

import click
import msgspec
from pydantic import BaseModel

AGREED = Path(__file__).parent.parent / "data" / "interface.txt"
OURS = "monolith_core"
TYPES = {
    "events": ("Reason", "State"),
    "exact": ("Nan",),
    "options": ("Day", "Span", "Retries", "Timeout", "Part", "Jobs", "BatchSize"),
    "rows": ("Values",),
}
"""What signatures name and nobody imports."""

_SPECIAL = {"__iter__", "__len__", "__bool__", "__add__", "__contains__", "__enter__", "__exit__"}


class _Verbatim:
    """Prints as the text it is."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def _annotation(value: Any) -> Any:
    if isinstance(value, ForwardRef):
        value = value.__forward_arg__
    return _Verbatim(value) if isinstance(value, str) else value


def _default(value: Any) -> Any:
    """A default that prints the same everywhere."""
    return _Verbatim("...") if " at 0x" in repr(value) else value


def signature(function: Callable[..., Any]) -> str:
    """A signature with the annotations as they are written."""
    found = inspect.signature(function)
    written = inspect.get_annotations(function)  # of a class made by msgspec the signature has the types
    parameters = [
        each.replace(annotation=_annotation(written.get(each.name, each.annotation)), default=_default(each.default))
        for each in found.parameters.values()
        if each.name != "self"
    ]
    return str(found.replace(parameters=parameters, return_annotation=_annotation(found.return_annotation)))


def lines() -> Iterator[str]:
    """The whole interface."""
    from monolith_core.plugin import CONTRACT

    yield from _heading(f"The plugin contract, version {CONTRACT}")
    for module in (OURS, f"{OURS}.testing"):
        yield from _heading(f"from {module} import ...")
        yield from _module(import_module(module))
    yield from _heading("Types that are named above")
    for module, names in TYPES.items():
        yield from (f"{name} = {_assigned(name, module)}" for name in names)
    yield from _heading("Hooks")
    yield from _members(import_module(f"{OURS}.hookspecs").Hooks)
    yield from _heading("Fixtures of pytest")
    yield from _fixtures(import_module(f"{OURS}.testing.pytest_plugin"))
    yield from _heading("Entry point groups")
    yield from (f"{group}: {kind}" for kind, group in import_module(f"{OURS}.registry").GROUPS.items())
    yield from _heading("Sections of the configuration")
    for name in ("MonolithOptions", "PhaseOptions", "SequenceOptions"):
        yield from _value(name, getattr(import_module(f"{OURS}.config.model"), name))
    yield from _heading("Commands")
    for command in (import_module(f"{OURS}.cli.extract").main, import_module(f"{OURS}.cli.main").main):
        yield from _command(command, command.name or "")


def _heading(text: str) -> Iterator[str]:
    yield from ("", text, "=" * len(text), "")


def _module(module: Any) -> Iterator[str]:
    """Its names, and the classes of monolith that these inherit from."""
    values = {name: getattr(module, name) for name in module.__all__}
    classes = [value for value in values.values() if isinstance(value, type)]
    bases = {base.__name__: base for each in classes for base in each.__mro__ if base.__module__.startswith(OURS)}
    for name, value in sorted((bases | values).items(), key=lambda item: item[0].lower()):
        yield from _value(name, value)


def _value(name: str, value: Any) -> Iterator[str]:
    yield from _deprecated(value)
    if name == "__version__":
        yield name
    elif not isinstance(value, type):
        yield f"def {name}{signature(value)}" if inspect.isfunction(value) else f"{name} = {_assigned(name)}"
    elif value.__module__.startswith(OURS):
        bases = ", ".join(base.__name__ for base in value.__bases__ if base is not object)
        yield f"class {name}({bases})" if bases else f"class {name}"
        yield from (f"    {line}" for line in [*_constructor(value), *_members(value)])
    else:
        yield f"{name} = {value.__module__.partition('.')[0]}.{value.__name__}"


def _assigned(name: str, *modules: str) -> str:
    """What a name is set to in a module of monolith."""
    for module in modules or ("options", "plugin", "hookspecs"):
        for node in ast.parse(inspect.getsource(import_module(f"{OURS}.{module}"))).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
                return ast.unparse(node.value)
    raise LookupError(f"nothing says what {name} is")


def _members(subject: type) -> Iterator[str]:
    """What a class itself has beside its constructor."""
    for name in sorted(vars(subject).keys() | inspect.get_annotations(subject).keys()):
        if not name.startswith("_") or name in _SPECIAL:
            yield from _member(subject, name)


def _constructor(subject: type) -> Iterator[str]:
    own = vars(subject)
    if issubclass(subject, BaseModel):
        yield from _options(subject)
    elif inspect.isfunction(own.get("__init__")) and not getattr(subject, "_is_protocol", False):
        yield f"__init__{signature(own['__init__'])}"
        yield from (f"self.{name}" for name in dict.fromkeys(_set_by(own["__init__"])))
    elif issubclass(subject, tuple | msgspec.Struct):
        yield f"__init__{signature(subject)}"


def _set_by(made: Callable[..., Any]) -> Iterator[str]:
    """The public attributes that an `__init__` of a class sets; none for one that a dataclass was given."""
    if not made.__code__.co_filename.endswith(".py"):
        return
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(made)))):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and not node.attr.startswith("_"):
            yield node.attr


def _options(model: type[BaseModel]) -> Iterator[str]:
    for name, written in inspect.get_annotations(model).items():
        if name not in model.model_fields:
            continue
        info = model.model_fields[name]
        default = "required" if info.is_required() else repr(info.get_default(call_default_factory=True))
        yield f"{info.alias}: {written} = {default}"


def _deprecated(subject: Any) -> Iterator[str]:
    """The mark that `typing_extensions.deprecated` left on a class, function or method itself."""
    mark = getattr(subject, "__dict__", {}).get("__deprecated__")
    if mark:
        yield f"@deprecated({mark!r})"


def _member(base: type, name: str) -> Iterator[str]:
    value = inspect.getattr_static(base, name, None)
    yield from _deprecated(value)
    annotation = inspect.get_annotations(base).get(name)
    if _fixture(value):
        yield f"fixture {name}{signature(_fixture(value))}"
    elif isinstance(value, property):
        yield f"property {name}: {inspect.get_annotations(value.fget)['return']}"  # type: ignore[arg-type]
    elif isinstance(value, classmethod | staticmethod):
        yield f"{type(value).__name__} {name}{signature(value.__func__)}"
    elif inspect.isfunction(value) and value.__name__ == name:
        yield f"{'async ' if inspect.iscoroutinefunction(value) else ''}{name}{signature(value)}"
    elif annotation is not None and "ClassVar" in str(annotation):
        shown = "" if value is None else f" = {value.__name__ if isinstance(value, type) else repr(value)}"
        yield f"{name}: {annotation}{shown}"


def _fixtures(module: Any) -> Iterator[str]:
    for name, value in vars(module).items():
        if _fixture(value) and not name.startswith("_"):
            yield f"{name}{signature(_fixture(value))}"


def _fixture(value: Any) -> Any:
    """The function that a fixture was made of, as pytest 8.4 and older ones keep it; None if it is none."""
    made = getattr(value, "_get_wrapped_function", None)
    return made() if made else getattr(getattr(value, "__pytest_wrapped__", None), "obj", None)


def _command(command: click.Command, path: str) -> Iterator[str]:
    options = [
        (each.name or "").upper() if isinstance(each, click.Argument) else "/".join([*each.opts, *each.secondary_opts])
        for each in command.params
    ]
    yield f"{path} {' '.join(sorted(options))}"
    for name, child in sorted(command.commands.items()) if isinstance(command, click.Group) else ():
        yield from _command(child, f"{path} {name}")


def text() -> str:
    """The whole interface as the file has it."""
    return "\n".join(lines()).lstrip() + "\n"


if __name__ == "__main__":
    AGREED.write_text(text(), encoding="utf-8")
