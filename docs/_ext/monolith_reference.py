"""Directives that write the reference from the code: the options of a section, of a command, and the hooks.

.. section-options:: MODULE:MODEL     the options of a pydantic model; `:beyond: MODULE:MODEL ...` leaves out others'
.. command-options:: MODULE:COMMAND   the arguments and options of a click command and of the commands below it
.. hooks:: MODULE:CLASS               the hooks of a pluggy specification
.. contract:: MODULE                  the names of a module that its content lists, with all they promise
.. fields:: MODULE:CLASS              the fields of a class, each with its type and its docstring
.. suite:: MODULE:CLASS               what a suite of the test kit takes, and its cases
.. fixtures:: MODULE                  the fixtures of a pytest plugin
.. names:: MODULE                     the public names of a module
.. changelog:: FILE                   a changelog in Markdown, without its title
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterable, Iterator
from importlib import import_module
from itertools import pairwise
from operator import attrgetter
from pathlib import Path
from typing import Any, ClassVar

import click
from _pytest.fixtures import FixtureFunctionDefinition
from docutils import nodes
from docutils.parsers.rst import directives
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.rst import escape

from monolith_core.config.expect import default, expectation, shape
from monolith_core.describe import described
from monolith_core.options import DATA


def named(path: str) -> Any:
    """The object meant by `module:attribute.attribute`."""
    module, _, attribute = path.partition(":")
    found = import_module(module)
    return attrgetter(attribute)(found) if attribute else found


def inline(text: str) -> str:
    """A docstring's text as reStructuredText: `code` becomes ``code``, and nothing else is markup."""
    parts = " ".join(text.split()).split("`")
    return "".join(f"``{part}``" if number % 2 else escape(part) for number, part in enumerate(parts))


def option(name: str, info: FieldInfo) -> Iterator[str]:
    """The definition list entry of one option."""
    facts = [expectation(info) or "text"]
    if info.is_required():
        facts.append("required")
    elif value := default(info):
        facts.append(f"default ``{value}``")
    written = (info.alias or name) + (".NAME" if shape(info).is_mapping else "")
    yield f"``{written}`` : {'; '.join(facts)}"
    yield f"    {inline(info.description or '')}"
    if DATA in info.metadata:
        yield "    A new value makes every day due again."
    yield ""


def section_options(model: Any, beyond: Iterable[Any] = ()) -> Iterator[str]:
    """Every option of a model that none of `beyond` has."""
    known = {name for other in beyond for name in other.model_fields}
    for name, info in described(model).model_fields.items():
        if name not in known:
            yield from option(name, info)


def paragraphs(text: str, indent: str) -> Iterator[str]:
    """A command's help; what is indented there is code."""
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        if paragraph.startswith(" "):
            yield from (f"{indent}::", "", *(f"{indent}{line}" for line in paragraph.splitlines()), "")
        else:
            yield from (f"{indent}{inline(paragraph)}", "")


def command_options(command: click.Command, path: str) -> Iterator[str]:
    """Every parameter of a command, then of its subcommands, each under its name."""
    context = click.Context(command, info_name=path)
    yield f"``{path} {' '.join(command.collect_usage_pieces(context))}``"
    yield from paragraphs(command.help or "", "    ")
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record and record[1]:
            yield from (f"    ``{record[0]}``", f"        {inline(record[1])}", "")
    for name, child in sorted(command.commands.items()) if isinstance(command, click.Group) else ():
        yield from command_options(child, f"{path} {name}")


def hooks(specification: type) -> Iterator[str]:
    """Every hook with its signature and its docstring."""
    for name, function in vars(specification).items():
        if inspect.isfunction(function):
            arguments = ", ".join(list(inspect.signature(function).parameters)[1:])
            yield from (f"``{name}({arguments})``", f"    {inline(function.__doc__ or '')}", "")


def fields(subject: type) -> Iterator[str]:
    """Every field of a class, with the type as it is written in the code."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(subject))).body
    assert isinstance(tree, ast.ClassDef)
    types = {ast.unparse(node.target): node.annotation for node in tree.body if isinstance(node, ast.AnnAssign)}
    for name, text in attribute_docstrings(subject).items():
        yield from (f"``{name}`` : {escape(ast.unparse(types[name]))}", f"    {inline(text)}", "")


def entry(name: str, text: str) -> tuple[str, str, str]:
    """A definition of the first paragraph of a docstring."""
    return f"``{name}``", f"    {inline(inspect.cleandoc(text).partition(chr(10) * 2)[0])}", ""


def suite(subject: type) -> Iterator[str]:
    """What a suite's own body declares: attributes, fixtures and methods to override, then its cases."""
    described = attribute_docstrings(subject)
    own = {name: inspect.getdoc(value) or "" for name, value in vars(subject).items() if not name.startswith("_")}
    cases = {name: text for name, text in own.items() if name.startswith("test_")}
    for name, text in described.items():
        value = getattr(subject, name, None)
        yield from entry(name if value is None else f"{name} = {value!r}", text)
    for name, value in vars(subject).items():
        if isinstance(value, FixtureFunctionDefinition):
            yield from entry(name, inspect.getdoc(value._get_wrapped_function()) or "")
        elif inspect.isfunction(value) and name in own and name not in cases:
            arguments = ", ".join(list(inspect.signature(value).parameters)[1:])
            yield from entry(f"{name}({arguments})", own[name])
    yield from ("The cases:", "")
    for name, text in cases.items():
        yield from entry(name, text)


def attribute_docstrings(subject: type) -> dict[str, str]:
    """The text that follows each attribute in the body of a class."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(subject))).body
    assert isinstance(tree, ast.ClassDef)
    found = {}
    for node, text in pairwise(tree.body):
        if isinstance(node, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            found[ast.unparse(node.target)] = str(text.value.value)
    return found


def fixtures(module: Any) -> Iterator[str]:
    """Every public fixture of a module."""
    for name, value in vars(module).items():
        if isinstance(value, FixtureFunctionDefinition) and not name.startswith("_"):
            yield from entry(name, inspect.getdoc(value._get_wrapped_function()) or "")


def names(module: Any) -> Iterator[str]:
    """Every public name of a module that has a docstring of its own."""
    for name in module.__all__:
        value = getattr(module, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            yield from entry(name, inspect.getdoc(value) or "")


class Generated(SphinxDirective):
    """A directive whose text comes from an object of the code."""

    required_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {"beyond": directives.unchanged, "name": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        """Parse the generated text in the place of the directive."""
        path = self.arguments[0]
        self.env.note_dependency(inspect.getfile(import_module(path.partition(":")[0])))
        return self.parse_text_to_nodes("\n".join(self.lines(named(path))))

    def lines(self, subject: Any) -> Iterator[str]:
        """The text to parse."""
        raise NotImplementedError


class SectionOptions(Generated):
    """`section-options`."""

    def lines(self, subject: Any) -> Iterator[str]:  # noqa: D102
        return section_options(subject, map(named, self.options.get("beyond", "").split()))


class CommandOptions(Generated):
    """`command-options`."""

    def lines(self, subject: Any) -> Iterator[str]:  # noqa: D102
        return command_options(subject, self.options["name"])


class Hooks(Generated):
    """`hooks`."""

    def lines(self, subject: Any) -> Iterator[str]:  # noqa: D102
        return hooks(subject)


class Fields(Generated):
    """`fields`."""

    def lines(self, subject: Any) -> Iterator[str]:  # noqa: D102
        return fields(subject)


class Suite(Generated):
    """`suite`."""

    def lines(self, subject: Any) -> Iterator[str]:  # noqa: D102
        return suite(subject)


class Fixtures(Generated):
    """`fixtures`."""

    def lines(self, subject: Any) -> Iterator[str]:  # noqa: D102
        return fixtures(subject)


class Names(Generated):
    """`names`."""

    def lines(self, subject: Any) -> Iterator[str]:  # noqa: D102
        return names(subject)


def promises(module: Any, name: str) -> Iterator[str]:
    """A public name with its whole docstring, and those of its members."""
    value = getattr(module, name)
    described = inspect.getdoc(value) if inspect.isclass(value) or inspect.isroutine(value) else constant(module, name)
    yield f"``{name}{arguments(value)}``"
    yield from paragraphs(described or "", "    ")
    for member, each in (
        vars(value).items() if inspect.isclass(value) and value.__module__.startswith("monolith_core.") else ()
    ):
        function = getattr(each, "fget", None) or getattr(each, "__func__", each)
        if not member.startswith("_") and inspect.isfunction(function) and function.__name__ == member:
            shown = member if isinstance(each, property) else f"{member}{arguments(function)}"
            yield f"    ``{shown}``"
            yield from paragraphs(inspect.getdoc(each) or "", "        ")


def arguments(value: Any) -> str:
    """The names of what a function takes, or of what an object of a class has; nothing where neither helps."""
    plain = (BaseException, BaseModel, SecretStr)
    if not callable(value) or (
        inspect.isclass(value) and (issubclass(value, plain) or getattr(value, "_is_protocol", False))
    ):
        return ""
    if not inspect.isclass(value) and not inspect.isfunction(value):
        return ""
    names = [name for name in inspect.signature(value).parameters if name not in ("self", "cls")]
    return f"({', '.join(names)})"


def constant(module: Any, name: str) -> str:
    """The text below the assignment of a name, in the module that has it."""
    home = module._MODULE[name]
    tree = ast.parse(inspect.getsource(import_module(home)))
    for node, text in pairwise(tree.body):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name and isinstance(text, ast.Expr):
            return inspect.cleandoc(ast.literal_eval(text.value))
    return ""


class Contract(Generated):
    """`contract`."""

    has_content = True

    def lines(self, subject: Any) -> Iterator[str]:  # noqa: D102
        for name in " ".join(self.content).split():
            yield from promises(subject, name)


class Changelog(SphinxDirective):
    """`changelog`."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Parse the Markdown of the file, as far as a changelog uses it."""
        _, path = self.env.relfn2path(self.arguments[0])
        self.env.note_dependency(path)
        text = Path(path).read_text(encoding="utf-8").partition("\n")[2]
        text = re.sub(r"^## (.+)$", lambda title: f"{title[1]}\n{'-' * len(title[1])}", text, flags=re.MULTILINE)
        return self.parse_text_to_nodes(text.replace("`", "``"), allow_section_headings=True)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directives."""
    app.add_directive("section-options", SectionOptions)
    app.add_directive("command-options", CommandOptions)
    app.add_directive("hooks", Hooks)
    app.add_directive("contract", Contract)
    app.add_directive("fields", Fields)
    app.add_directive("suite", Suite)
    app.add_directive("fixtures", Fixtures)
    app.add_directive("names", Names)
    app.add_directive("changelog", Changelog)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
