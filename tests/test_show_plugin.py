"""`monolith plugins show`: what every installed plugin says of itself can be used as it stands."""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import pytest
from click.testing import CliRunner, Result
from jsonschema import Draft202012Validator
from pydantic import TypeAdapter
from support.distributions import make_distribution

from monolith_core import secrets
from monolith_core.cli.main import main
from monolith_core.config import load_config
from monolith_core.config.expand import Value
from monolith_core.config.expect import default
from monolith_core.config.sample import json_schema, ordered, sample_section
from monolith_core.config.validate import Schema
from monolith_core.describe import described
from monolith_core.options import PluginOptions
from monolith_core.registry import Kind, installed, load_entry

INSTALLED = [(entry.kind, entry.name) for entry in installed()]

MANY = '''
    import enum
    from pathlib import Path
    from typing import Literal

    from pydantic import Field

    from monolith_core import (
        Duration, Executor, ExecutorOptions, PluginOptions, SecretStr, Source, SourceOptions, Target, TargetOptions,
        Transform, TransformOptions, hookimpl,
    )


    class Colour(enum.Enum):
        RED = "red"
        BLUE = "blue"


    class ManyOptions(SourceOptions):
        text: str
        """A text."""
        number: int = Field(ge=1)
        """A number."""
        part: float
        flag: bool
        pause: Duration
        colour: Colour
        shade: Colour = Colour.BLUE
        mode: Literal["slow", "fast"]
        password: SecretStr
        names: list[str]
        weights: dict[str, int] = Field(alias="weight")
        tokens: dict[str, SecretStr] = Field(alias="token")
        where: Path = Path("a/b")
        pair: tuple[str, ...] = ("x", "y")
        rest: Duration | None = 90
        hidden: SecretStr = SecretStr("xyzzy")


    class Many(Source):
        """Has an option of every type.

        And more to say.
        """

        Options = ManyOptions

        def extract(self, window):
            return []


    class Shelf(Target):
        def replace(self, partition, staged):
            raise NotImplementedError


    class Elsewhere(Executor):
        def extract(self, task):
            return task.ask()


    class Same(Transform):
        def record(self, record):
            return record


    class Teller:
        """Tells somebody."""

        class Options(PluginOptions):
            room: str
            """Whom to tell."""

        def __init__(self, options, context):
            self.room = options.room

        @hookimpl
        def run_finished(self, report):
            pass


    class Broken(Source):
        contract = 99

        def extract(self, window):
            return []
'''
GROUPS = {
    "monolith.sources": {"many": "many_plugins:Many", "broken": "many_plugins:Broken"},
    "monolith.targets": {"shelf": "many_plugins:Shelf"},
    "monolith.executors": {"elsewhere": "many_plugins:Elsewhere"},
    "monolith.transforms": {"same": "many_plugins:Same"},
    "monolith": {"teller": "many_plugins:Teller"},
}
MANY_PLUGINS: list[tuple[Kind, str]] = [
    ("source", "many"),
    ("target", "shelf"),
    ("executor", "elsewhere"),
    ("transform", "same"),
    ("hooks", "teller"),
]


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A distribution with a plugin of each kind."""
    site = tmp_path / "site"
    make_distribution(site, "many", "3.2", groups=GROUPS, modules={"many_plugins": MANY})
    monkeypatch.delitem(sys.modules, "many_plugins", raising=False)
    monkeypatch.syspath_prepend(str(site))
    importlib.invalidate_caches()


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["plugins", *arguments], prog_name="monolith")


def shown(kind: str, name: str) -> str:
    done = invoke("show", name, "--kind", kind)
    assert done.exit_code == 0, done.stderr
    return done.stdout


def model_of(kind: str, name: str) -> type[PluginOptions]:
    (entry,) = [entry for entry in installed() if (entry.kind, entry.name) == (kind, name)]
    return described(getattr(load_entry(entry), "Options", PluginOptions))


class Everything(Mapping[str, str]):
    """An environment in which every variable is set."""

    def __getitem__(self, name: str) -> str:
        return "a-secret-of-some-length"

    def __iter__(self):
        return iter(())

    def __len__(self) -> int:
        return 0


AROUND = """\
[monolith]
database = sqlite:///archive.sqlite
[phase:extract]
sources = {source}
targets = {target}
"""
HELPED = "[source:helped]\nuse = sql\ndatabase = sqlite:///other.sqlite\n"
SHELF = "[target:shelf]\nuse = sql\n"


def whole(kind: str, section: str) -> str:
    """A configuration around an example."""
    around = AROUND.format(
        source="example" if kind == "source" else "helped", target="example" if kind == "target" else "shelf"
    )
    helping = {"transform": "transforms = example\n", "executor": "executor = example\n"}.get(kind, "")
    others = ("" if kind == "source" else HELPED + helping) + ("" if kind == "target" else SHELF)
    return around + others + section


def assert_can_be_pasted(kind: str, name: str, folder: Path) -> None:
    """The example is a section that the reader takes, with all comments and without one."""
    secrets.forget()
    example = shown(kind, name).partition("\nexample\n\n")[2]
    assert example.startswith(f"[{kind}:example]\nuse = {name}\n")
    file = folder / "pasted.ini"
    file.write_text(whole(kind, example), encoding="utf-8")
    config = load_config(file, environ=Everything())
    found = {"source": config.sources, "target": config.targets, "hooks": config.hooks}.get(kind, {})
    if found:
        assert found["example"].use == name
    for option, info in ordered(model_of(kind, name)):
        head = option.partition(".")[0]
        assert re.search(rf"^(; )?{re.escape(head)}(\.\S+)? =", example, flags=re.MULTILINE), option
        if info.is_required():
            assert re.search(rf"^{re.escape(head)}(\.\S+)? = \S", example, flags=re.MULTILINE), option


def assert_defaults_read_back(model: type[PluginOptions]) -> None:
    """A default as it is written means the default."""
    schema = Schema(model)
    for field, info in model.model_fields.items():
        text, name = default(info), info.alias or field
        if text is None:
            continue
        given = schema.raw({name: Value(text, 1, "", name)})[name]
        kind: Any = info.annotation
        for each in info.metadata:
            kind = Annotated[kind, each]
        assert TypeAdapter(kind).validate_python(given) == info.get_default(call_default_factory=True), name


def assert_has_a_schema(kind: str, name: str) -> None:
    """Valid by the metaschema; it knows every option, the defaults and examples are right by it."""
    done = invoke("show", name, "--kind", kind, "--json")
    assert done.exit_code == 0, done.stderr
    schema = json.loads(done.stdout)
    Draft202012Validator.check_schema(schema)
    for option, info in ordered(model_of(kind, name)):
        head, dot, _ = option.partition(".")
        if dot:
            assert f"^{head}\\." in schema["patternProperties"]
            continue
        one = schema["properties"][option]
        assert one.get("description", "") == (info.description or "")
        assert (option in schema.get("required", ())) == info.is_required()
        if "default" in one:
            Draft202012Validator(one | {"$defs": schema.get("$defs", {})}).validate(one["default"])
    for example in schema.get("examples", ()):
        Draft202012Validator(schema).validate(example)


@pytest.mark.parametrize(("kind", "name"), INSTALLED)
def test_the_example_of_every_plugin_can_be_pasted(kind: str, name: str, tmp_path: Path) -> None:
    assert_can_be_pasted(kind, name, tmp_path)


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize(("kind", "name"), MANY_PLUGINS)
def test_the_examples_of_plugins_that_give_no_values_can_be_pasted(kind: str, name: str, tmp_path: Path) -> None:
    assert_can_be_pasted(kind, name, tmp_path)


@pytest.mark.parametrize(("kind", "name"), INSTALLED)
def test_the_defaults_of_every_plugin_read_back(kind: str, name: str) -> None:
    assert_defaults_read_back(model_of(kind, name))


@pytest.mark.usefixtures("many")
def test_the_defaults_of_every_type_read_back() -> None:
    model = model_of("source", "many")
    assert_defaults_read_back(model)
    written = {name: default(info) for name, info in model.model_fields.items()}
    assert (written["shade"], written["where"], written["pair"], written["rest"]) == ("blue", "a/b", "x, y", "90s")
    assert written["hidden"] is None


@pytest.mark.parametrize(("kind", "name"), INSTALLED)
def test_every_plugin_has_a_json_schema(kind: str, name: str) -> None:
    assert_has_a_schema(kind, name)


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize(("kind", "name"), MANY_PLUGINS)
def test_every_type_has_a_json_schema(kind: str, name: str) -> None:
    assert_has_a_schema(kind, name)


@pytest.mark.usefixtures("many")
def test_what_is_said_of_a_plugin() -> None:
    text = shown("source", "many")
    assert text.startswith("source many\n    Has an option of every type.\n    many 3.2: no summary\n")
    assert "    many_plugins:Many, from " in text
    assert "    text: text; needed\n        A text.\n" in text
    assert "    number: a whole number, at least 1; needed\n" in text
    assert "    password: text; needed; secret\n" in text
    assert "    settle: a duration such as 30s, 10m or 3d, at most 3660d; default 1d\n" in text
    assert "    flag: true or false; needed\n        not described\n" in text
    assert "xyzzy" not in text
    assert text.index("    text:") < text.index("    shade:") < text.index("    since:")
    assert "password = ${PASSWORD}\n" in text
    assert "token.NAME = ${TOKEN_NAME}\n" in text
    assert "; shade = blue\n" in text
    assert "; hidden =\n" in text
    assert "    since: a day as YYYY-MM-DD; optional\n" in text


@pytest.mark.usefixtures("many")
def test_a_plugin_that_does_not_say_what_it_is() -> None:
    """The contract's words about every target are no description of one."""
    assert shown("target", "shelf").startswith("target shelf\n    many 3.2: no summary\n")


@pytest.mark.usefixtures("many")
def test_hooks_say_which_they_have() -> None:
    text = shown("hooks", "teller")
    assert "    Tells somebody.\n    hooks: run_finished\n" in text
    assert text.endswith("[hooks:example]\nuse = teller\nroom = ...\n")


def test_a_password_in_an_example_stays_what_it_stands_for() -> None:
    assert "database = mysql://reader:${READER_PASSWORD}@shop.example/shop\n" in shown("source", "sql")
    assert "${READER_PASSWORD}@" in invoke("show", "sql", "--kind", "source", "--json").stdout


@pytest.mark.parametrize(("kind", "name"), INSTALLED)
def test_nothing_that_a_plugin_says_of_itself_is_hidden(kind: str, name: str) -> None:
    """A description that is no secret can be read, and the first line says what the plugin is."""
    text = shown(kind, name)
    assert "***" not in text
    purpose = text.splitlines()[1]
    assert purpose.endswith(".")
    assert "***" not in invoke("--verbose").stdout


def test_a_name_of_several_kinds() -> None:
    both = invoke("show", "sql").stdout
    assert both.startswith("source sql\n")
    assert "\n\ntarget sql\n" in both
    done = invoke("show", "sql", "--json")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == "several plugins are named 'sql'; add --kind source or --kind target\n"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["sqll"], "no plugin is named 'sqll'; did you mean sql?"),
        (["renam", "--kind", "transform"], "no transform is named 'renam'; did you mean rename?"),
        (["rename", "--kind", "executor"], "no executor is named 'rename'; there are local"),
    ],
)
def test_a_wrong_name(arguments: list[str], line: str) -> None:
    done = invoke("show", *arguments)
    assert (done.exit_code, done.stdout, done.stderr) == (2, "", f"{line}\n")


def test_a_name_that_is_known_and_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    others = [entry for entry in installed() if entry.distribution != "monolith-plugin-rest"]
    monkeypatch.setattr("monolith_core.registry.installed", lambda kind=None: others)
    done = invoke("show", "rest")
    assert (done.exit_code, done.stderr) == (2, "no plugin is named 'rest'; pip install monolith-plugin-rest\n")


@pytest.mark.usefixtures("many")
def test_a_plugin_that_cannot_be_used() -> None:
    done = invoke("show", "broken")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("source 'broken' of many 3.2 is made for version 99 of the plugin contract")


def test_the_list_is_a_command_too() -> None:
    for options in ([], ["--verbose"], ["--json"], ["--check"]):
        assert invoke("list", *options).stdout == invoke(*options).stdout
    done = invoke("--verbose", "show", "sql")
    assert done.exit_code == 2
    assert "write options behind show" in done.stderr


def test_the_names_are_completed() -> None:
    environment = {"_MONOLITH_COMPLETE": "bash_complete", "COMP_WORDS": "monolith plugins show s", "COMP_CWORD": "3"}
    done = CliRunner().invoke(main, [], prog_name="monolith", env=environment)
    assert done.stdout.split() == ["plain,sql", "plain,sum"]


def test_a_section_without_options() -> None:
    assert list(sample_section("transform", "plain", PluginOptions)) == ["[transform:example]", "use = plain"]
    assert "patternProperties" not in json_schema("transform", "plain", PluginOptions)
