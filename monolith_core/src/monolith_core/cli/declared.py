"""Declared: the options of a plugin as its source text declares them, read without importing it.

A plugin that cannot be imported, or that does something on import, is described like any other. What cannot be
followed in the text (a class made by a call, say) is left out.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path

from monolith_core.durations import format_duration

_DEPTH = 20
"""Most imports and base classes that are followed for one name."""

_NOTHING = {"None", "''", "()", "dict", "list", "tuple", "set", "frozenset"}
_DURATIONS = {"Duration", "Timeout"}
"""The types of `monolith_core` whose values are seconds."""


@dataclass(frozen=True)
class Option:
    """One option: how it is written, its type as in the text, its default as one would write it in a configuration
    (None: required), its description.
    """

    name: str
    type: str
    default: str | None
    description: str


@dataclass(frozen=True)
class _Class:
    module: str
    node: ast.ClassDef


def source_file(module: str) -> Path | None:
    """The file of a module, found without importing it or its packages."""
    spec = _spec(module)
    return Path(spec.origin) if spec is not None and spec.origin and spec.origin.endswith(".py") else None


def declared_options(value: str) -> list[Option] | None:
    """The options of the plugin that an entry point's value names, in order; None if they cannot be found."""
    module, _, name = value.partition(":")
    plugin = _resolve(module.strip(), name.partition("[")[0].strip())
    options = _options_of(plugin) if plugin else None
    if options is None:
        return None
    found: dict[str, Option] = {}
    for option in _fields(options):
        found.setdefault(option.name, option)  # its own before what it takes the place of in a base class
    return list(found.values())


def _spec(module: str) -> ModuleSpec | None:
    parent, _, _ = module.rpartition(".")
    path = None
    if parent:
        package = _spec(parent)
        if package is None or package.submodule_search_locations is None:
            return None
        path = list(package.submodule_search_locations)
    for finder in sys.meta_path:
        spec = finder.find_spec(module, path)
        if spec is not None:
            return spec
    return None


def _tree(module: str) -> ast.Module | None:
    file = source_file(module)
    try:
        return ast.parse(file.read_text(encoding="utf-8")) if file else None
    except (OSError, ValueError, SyntaxError):
        return None


def _resolve(module: str, name: str, depth: int = _DEPTH) -> _Class | None:
    """The class that `name` means in a module, followed through imports."""
    tree = _tree(module)
    if tree is None or not depth:
        return None
    for node in _statements(tree.body):
        if isinstance(node, ast.ClassDef) and node.name == name:
            return _Class(module, node)
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return _resolve(_imported(module, node), alias.name, depth - 1)
    return None


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Every statement of a module, also those under `if TYPE_CHECKING:`."""
    for node in body:
        yield node
        if isinstance(node, ast.If):
            yield from _statements(node.body)


def _imported(module: str, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    spec = _spec(module)
    is_package = spec is not None and spec.submodule_search_locations is not None
    parts = module.split(".")
    base = parts[: len(parts) - node.level + is_package]
    return ".".join([*base, *([node.module] if node.module else [])])


def _options_of(plugin: _Class, depth: int = _DEPTH) -> _Class | None:
    """The class that a plugin's `Options` is, which may be its base class's."""
    for node in plugin.node.body:
        if isinstance(node, ast.ClassDef) and node.name == "Options":
            return _Class(plugin.module, node)
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        value = getattr(node, "value", None)
        if isinstance(target, ast.Name) and target.id == "Options":
            return _resolve(plugin.module, value.id) if isinstance(value, ast.Name) else None
    for base in _bases(plugin):
        found = _options_of(base, depth - 1) if depth else None
        if found is not None:
            return found
    return None


def _bases(child: _Class) -> Iterator[_Class]:
    for base in child.node.bases:
        found = _resolve(child.module, base.id) if isinstance(base, ast.Name) else None
        if found is not None:
            yield found


def _fields(options: _Class, depth: int = _DEPTH) -> Iterator[Option]:
    """The options of a model, those of its base classes after its own."""
    body = options.node.body
    for node, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and _is_field(node):
            yield _option(node.target.id, node, after)
    for base in _bases(options):
        if depth:
            yield from _fields(base, depth - 1)


def _is_field(node: ast.AnnAssign) -> bool:
    assert isinstance(node.target, ast.Name)
    return not node.target.id.startswith(("_", "model_")) and "ClassVar" not in ast.unparse(node.annotation)


def _option(name: str, node: ast.AnnAssign, after: ast.stmt | None) -> Option:
    keywords = {}
    default: ast.expr | None = node.value
    if isinstance(default, ast.Call):
        keywords = {keyword.arg: keyword.value for keyword in default.keywords}
        default = default.args[0] if default.args else keywords.get("default", keywords.get("default_factory"))
    if isinstance(default, ast.Constant) and default.value is Ellipsis:
        default = None
    alias = keywords.get("alias")
    written = str(alias.value) if isinstance(alias, ast.Constant) else name.replace("_", "-")
    kind = _type(node.annotation)
    return Option(
        name=f"{written}.NAME" if kind.startswith("dict") else written,
        type=kind,
        default=_written(default, kind) if default is not None else None,
        description=_description(after, keywords.get("description")),
    )


def _written(default: ast.expr, kind: str) -> str:
    """A default as it would be written in a configuration, where that can be told; `none` for what is empty."""
    if ast.unparse(default) in _NOTHING:
        return "none"
    value = default.value if isinstance(default, ast.Constant) else None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float) and _DURATIONS & set(kind.split(" | ")):
        return format_duration(value)
    return value if isinstance(value, str) else ast.unparse(default)


def _type(annotation: ast.expr) -> str:
    if isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value).endswith("Annotated"):
        inner = annotation.slice
        return ast.unparse(inner.elts[0] if isinstance(inner, ast.Tuple) else inner)
    return ast.unparse(annotation)


def _description(after: ast.stmt | None, given: ast.expr | None) -> str:
    text = given if given is not None else after.value if isinstance(after, ast.Expr) else None
    return " ".join(str(text.value).split()) if isinstance(text, ast.Constant) else ""
