"""`monolith plugins`, and what hook plugins do to the commands; with throwaway distributions."""

from __future__ import annotations

import importlib
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from support.distributions import make_distribution
from support.scripted import make_job

from monolith_core.cli.declared import declared_options, source_file
from monolith_core.cli.main import main

DECLARED = '''
    import sys
    from typing import TYPE_CHECKING, Annotated, ClassVar

    import pydantic
    from pydantic import Field

    if TYPE_CHECKING:
        from monolith_core import Target
    from monolith_core import DATA, Duration, Source, SourceOptions, TargetOptions as Base
    from declared_more import Outside

    raise RuntimeError("imported")


    class Common(SourceOptions):
        shared: int = 3
        """Said twice,
        on two lines."""


    class Own(Common):
        model_config = {}
        kind: ClassVar[str] = "x"
        _hidden: int = 1
        query_text: Annotated[str | None, DATA] = None
        """What to ask."""
        needed: str
        also_needed: int = Field(..., description="Given by keyword.")
        weights: dict[str, float] = Field(default_factory=dict, alias="weight")
        limit: int = Field(5, ge=1)
        shared: int = 4
        pause: Annotated[Duration, Field(ge=1)] = 90
        rest: Duration | None = None
        flag: bool = True


    class ByName(Source):
        Options: ClassVar[type[Own]] = Own


    class Derived(ByName):
        """No options of its own."""


    class Nested(Source):
        class Options(SourceOptions):
            inner: bool = False


    class Elsewhere(Source):
        Options = Outside


    class Writer(Target):
        Options = Base


    class Unclear(Source):
        Options = pydantic.create_model("Made")


    class Lost(Source):
        Options = Nowhere
'''
MORE = """
    from monolith_core import SourceOptions


    class Outside(SourceOptions):
        far: str = "away"
"""


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder on the path for distributions."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    importlib.invalidate_caches()
    return folder


@pytest.fixture
def declared(site: Path) -> Path:
    make_distribution(site, "declared", modules={"declared_plugin": DECLARED, "declared_more": MORE})
    return site


def options(name: str) -> dict[str, Any]:
    found = declared_options(f"declared_plugin:{name}")
    assert found is not None
    return {option.name: option for option in found}


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments), prog_name="monolith")


def test_options_are_read_without_importing(declared: Path) -> None:
    found = options("ByName")
    assert list(found)[:6] == ["query-text", "needed", "also-needed", "weight.NAME", "limit", "shared"]
    assert (found["query-text"].type, found["query-text"].default) == ("str | None", "none")
    assert found["query-text"].description == "What to ask."
    assert (found["needed"].default, found["also-needed"].default) == (None, None)
    assert found["also-needed"].description == "Given by keyword."
    assert (found["weight.NAME"].type, found["weight.NAME"].default) == ("dict[str, float]", "none")
    assert (found["limit"].default, found["shared"].default) == ("5", "4")
    assert (found["pause"].default, found["rest"].default, found["flag"].default) == ("90s", "none", "true")
    assert (found["settle"].default, found["timeout"].default) == ("1d", "10m")
    assert {"since", "max-shrink", "retries"} <= found.keys()
    assert "declared_plugin" not in sys.modules
    assert options("Derived") == found


def test_options_are_found_wherever_they_are_written(declared: Path) -> None:
    assert "inner" in options("Nested")
    assert options("Elsewhere")["far"].default == "away"
    assert "batch-size" in options("Writer")


@pytest.mark.parametrize(
    "value", ["declared_plugin:Unclear", "declared_plugin:Lost", "declared_plugin:No", "no.such:X"]
)
def test_options_that_cannot_be_found(declared: Path, value: str) -> None:
    assert declared_options(value) is None


def test_a_file_is_found_without_importing(declared: Path) -> None:
    assert source_file("declared_plugin") == declared / "declared_plugin.py"
    assert source_file("declared_plugin.inner") is None
    assert source_file("sys") is None


def test_options_are_followed_through_relative_imports(site: Path) -> None:
    package = site / "relative_plugin"
    package.mkdir()
    (package / "__init__.py").write_text("from .source import Given\n")
    (package / "source.py").write_text(
        "from monolith_core import Source\nfrom . import options\nfrom .options import Own\n"
        "class Given(Source):\n    Options = Own\n"
    )
    (package / "options.py").write_text(
        "from monolith_core import SourceOptions\nclass Own(SourceOptions):\n    x: int\n"
    )
    found = declared_options("relative_plugin:Given")
    assert found is not None
    assert found[0].name == "x"
    (package / "options.py").write_text("this is no Python")
    assert declared_options("relative_plugin:Given") is None


def test_the_list_says_what_where_from_and_which_version() -> None:
    done = invoke("plugins")
    assert done.exit_code == 0
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines[0] == ["kind", "name", "distribution", "version"]
    assert ["source", "sql", "monolith-plugin-sql", "1.0.0"] in lines


def test_verbose_adds_summary_options_and_file() -> None:
    shown = invoke("plugins", "--verbose").stdout
    assert "source sql\n    monolith-plugin-sql 1.0.0: " in shown
    assert "    param.NAME: dict[str, str], default none" in shown
    assert "source.py" in shown
    entry = next(
        each
        for each in json.loads(invoke("plugins", "--verbose", "--json").stdout)
        if (each["kind"], each["name"]) == ("source", "sql")
    )
    assert {option["name"] for option in entry["options"]} >= {"query", "database", "since"}
    assert entry["summary"]


def test_a_broken_plugin_is_listed_and_found_by_check(declared: Path) -> None:
    make_distribution(declared, "bad", groups={"monolith.sources": {"bad": "declared_plugin:ByName"}})
    make_distribution(declared, "lost", groups={"monolith.targets": {"lost": "no_such_module:Lost"}})
    listed = invoke("plugins", "--verbose")
    assert listed.exit_code == 0
    assert "query-text: str | None, default none" in listed.stdout
    assert "from a file that cannot be found" in listed.stdout
    assert "its options cannot be read without importing it" in listed.stdout
    checked = invoke("plugins", "--check")
    assert checked.exit_code == 1
    assert "RuntimeError: imported" in checked.stdout
    assert "no_such_module" in checked.stdout
    errors = {each["name"]: each["error"] for each in json.loads(invoke("plugins", "--check", "--json").stdout)}
    assert errors["sql"] is None
    assert "RuntimeError: imported" in errors["bad"]


def test_two_plugins_of_one_name_are_shown_with_their_error(site: Path) -> None:
    for name in ("one", "two"):
        make_distribution(site, name, groups={"monolith.sources": {"same": "declared_plugin:ByName"}})
    done = invoke("plugins")
    assert done.exit_code == 0
    assert "source 'same' is in one 1.0 and two 1.0" in done.stdout
    assert "    error: " in invoke("plugins", "--verbose").stdout


def test_no_plugin_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monolith_core.registry.installed", lambda kind=None: [])
    assert "pip install monolith-plugin-sql" in invoke("plugins").stdout
    assert invoke("plugins", "--verbose").stdout == ""


HOOKS = '''
    import click

    from monolith_core import hookimpl


    @click.command()
    def hello() -> None:
        """Say hello."""
        click.echo("hello there")


    @hookimpl
    def register_commands(group: click.Group) -> None:
        group.add_command(hello)
        group.add_command(hello, "plan")
'''


def install_hooks(site: Path, name: str, text: str) -> None:
    sys.modules.pop(f"{name}_hooks", None)
    make_distribution(site, name, groups={"monolith": {name: f"{name}_hooks"}}, modules={f"{name}_hooks": text})


@pytest.fixture
def _hello(site: Path) -> None:
    install_hooks(site, "greeter", HOOKS)


@pytest.mark.usefixtures("_hello")
def test_hook_plugins_add_commands() -> None:
    assert invoke("hello").stdout == "hello there\n"
    done = invoke("--commands")
    assert re.search(
        r"^Commands:\n(  .*\n)+\nCommands of hook plugins:\n  hello +Say hello\.$", done.stdout, re.MULTILINE
    )
    assert "adds a command plan, which is monolith's own; it is left out" in done.stderr
    assert "hello there" not in invoke("plan", "--help").stdout
    assert "hello" not in main.commands, "nothing is left behind"


@pytest.mark.usefixtures("_hello")
def test_help_names_hook_plugins_without_importing_them() -> None:
    done = invoke("--help")
    assert re.search(r"^Hook plugins, .*:\n(  .*\n)*  greeter +greeter 1\.0$", done.stdout, re.MULTILINE)
    assert "greeter_hooks" not in sys.modules


@pytest.mark.usefixtures("_hello")
@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("import no_such_thing", "hook plugin breaker of breaker 1.0 is left out: "),
        (
            "from monolith_core import hookimpl\n@hookimpl\ndef register_commands(group):\n    raise KeyError('x')\n",
            "cannot add its commands: KeyError: 'x'",
        ),
        (
            "from monolith_core import hookimpl\n@hookimpl\ndef no_such_hook():\n    pass\n",
            "hook plugin breaker of breaker 1.0 is left out: ",
        ),
    ],
)
def test_a_failing_hook_plugin_breaks_nothing(site: Path, text: str, warning: str) -> None:
    install_hooks(site, "breaker", text)
    done = invoke("hello")
    assert (done.exit_code, done.stdout) == (0, "hello there\n")
    assert warning in done.stderr
    assert len(done.stderr.splitlines()) == 2
    own = invoke("plugins")
    assert own.exit_code == 0
    assert own.stderr == "", "commands of our own do without hooks"
    unknown = invoke("helo")
    assert unknown.exit_code == 2
    assert "No such command" in unknown.stderr


def test_hook_plugins_hear_of_runs(site: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install_hooks(
        site,
        "listener",
        "from monolith_core import hookimpl\nHEARD = []\n"
        "@hookimpl\ndef partition_finished(event):\n    HEARD.append(event.outcome)\n"
        "@hookimpl\ndef run_finished(report):\n    HEARD.append(report['status'])\n",
    )
    install_hooks(site, "breaker", "import no_such_thing")
    job = make_job(monkeypatch, tmp_path)
    assert job.extract().exit_code == 0
    assert "listener_hooks" not in sys.modules, "what no section names is not imported"
    job.config.write_text(job.config.read_text() + "[hooks:listener]\n")
    assert job.extract("--force").exit_code == 0
    assert sys.modules["listener_hooks"].HEARD == ["unchanged"] * 10 + ["ok"]
    job.config.write_text(job.config.read_text() + "[hooks:breaker]\n")
    done = job.extract()
    assert done.exit_code == 2
    assert "[hooks:breaker]: hooks 'breaker' of breaker 1.0 cannot be imported: ModuleNotFoundError" in done.stderr


CONFIGURED = """
    from pydantic import SecretStr

    from monolith_core import PermanentError, PluginOptions, hookimpl

    HEARD = []


    class Options(PluginOptions):
        \"\"\"The options.\"\"\"

        room: str
        \"\"\"Whom to tell.\"\"\"
        password: SecretStr = SecretStr("")
        \"\"\"With what.\"\"\"


    class Teller:
        Options = Options

        def __init__(self, options, context):
            if options.room == "nowhere":
                raise PermanentError("there is no room nowhere")
            self.room, self.id = options.room, context.id

        @hookimpl
        def run_finished(self, report):
            HEARD.append((self.id, self.room, report["status"]))

        def check(self):
            return f"tells {self.room}"
"""


def test_hook_plugins_have_options_of_their_own(site: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sys.modules.pop("teller_hooks", None)
    groups = {"monolith": {"teller": "teller_hooks:Teller"}}
    make_distribution(site, "teller", groups=groups, modules={"teller_hooks": CONFIGURED})
    job = make_job(monkeypatch, tmp_path)
    text = job.config.read_text()
    job.config.write_text(f"{text}[hooks:teller]\nroom = kitchen\n[hooks:other]\nuse = teller\nroom = hall\n")
    assert job.extract().exit_code == 0
    assert sorted(sys.modules["teller_hooks"].HEARD) == [("other", "hall", "ok"), ("teller", "kitchen", "ok")]
    assert "ok      hooks teller" in invoke("check", str(job.config)).stdout
    job.config.write_text(f"{text}[hooks:teller]\nrom = kitchen\n")
    done = job.extract()
    assert done.exit_code == 2
    assert "[hooks:teller] has no option rom; did you mean room?" in done.stderr
    assert "[hooks:teller] lacks the option room" in done.stderr
    job.config.write_text(f"{text}[hooks:teller]\nroom = nowhere\n")
    done = job.extract("--force")
    assert done.exit_code == 0
    assert "hook plugin teller (teller of teller 1.0) is left out: there is no room nowhere" in done.stderr


def test_hooks_that_are_not_installed(site: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    job = make_job(monkeypatch, tmp_path)
    job.config.write_text(job.config.read_text() + "[hooks:nobody]\n")
    done = job.extract()
    assert done.exit_code == 2
    assert "[hooks:nobody] has no option use, and no hooks is named 'nobody'" in done.stderr
