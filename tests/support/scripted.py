"""A source that does what a file says, in a throwaway distribution, and configurations that use it, for the commands.

The file is JSON: for each day the list of its records, or the text of the error to raise, such as `temporary: no`.
"""

from __future__ import annotations

import importlib
import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from monolith_core import secrets
from monolith_core.cli.extract import main as extract
from monolith_core.cli.main import main as monolith
from support.distributions import make_distribution

PLUGIN = '''
    import json
    import threading
    from pathlib import Path
    from typing import Any

    from monolith_core import (
        Deferred, PermanentError, Record, SecretStr, Source, SourceOptions, TemporaryError,
    )

    ERRORS = {"temporary": TemporaryError, "permanent": PermanentError, "deferred": Deferred, "bug": KeyError}


    class Options(SourceOptions):
        file: str
        """The script."""
        password: SecretStr | None = None
        connection: str = "fine"
        """What check() does: say this, `hang`, or raise what follows `error `."""


    class Scripted(Source):
        Options = Options

        def extract(self, window: Any) -> Any:
            script = json.loads(Path(self.options.file).read_text())
            for day in window.days():
                said = script.get(str(day), [])
                if isinstance(said, str):
                    kind, _, text = said.partition(": ")
                    raise ERRORS[kind](text)
                for data in said:
                    yield Record(day, "fact", data)

        def check(self) -> str:
            if self.options.connection == "hang":
                threading.Event().wait()
            if self.options.connection.startswith("error "):
                raise PermanentError(self.options.connection[6:])
            return self.options.connection


    class Plain(Source):
        """Offers no check."""

        Options = Options

        def extract(self, window: Any) -> Any:
            return []
'''

CONFIG = """\
[monolith]
database = sqlite:///%(here)s/archive.sqlite
timezone = UTC
since = 2024-01-01
until = 2024-01-10
retries = 0
[phase:extract]
sources = visits
targets = sql
[source:visits]
use = scripted
file = %(here)s/visits.json
[target:sql]
"""


class Job:
    """A folder with a configuration and a script; runs the commands in this process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "job.ini"
        self.config.write_text(CONFIG, encoding="utf-8")
        self.script({f"2024-01-{day:02}": [{"n": n} for n in range(4)] for day in range(1, 11)})

    def script(self, days: dict[str, Any]) -> None:
        """What the source says from now on."""
        (self.folder / "visits.json").write_text(json.dumps(days), encoding="utf-8")

    def change(self, old: str, new: str) -> None:
        """Change the configuration."""
        text = self.config.read_text(encoding="utf-8")
        assert old in text
        self.config.write_text(text.replace(old, new), encoding="utf-8")

    def add(self, text: str) -> None:
        """Add lines to the configuration."""
        self.config.write_text(f"{self.config.read_text(encoding='utf-8')}{text}", encoding="utf-8")

    def extract(self, *options: str) -> Result:
        """Run `monolith-extract`."""
        return CliRunner().invoke(extract, [str(self.config), *options], prog_name="monolith-extract")

    def monolith(self, command: str, *options: str) -> Result:
        """Run a command of `monolith`."""
        return CliRunner().invoke(monolith, [command, str(self.config), *options], prog_name="monolith")

    def json(self, command: str, *options: str) -> Any:
        """What a command of `monolith` prints as JSON."""
        return json.loads(self.monolith(command, *options, "--json").stdout)

    def held(self) -> int:
        """How many records the archive has."""
        with closing(sqlite3.connect(self.folder / "archive.sqlite")) as connection:
            (count,) = connection.execute("SELECT COUNT(*) FROM record").fetchone()
            return int(count)

    def files(self) -> set[str]:
        """The names in the folder."""
        return {path.name for path in self.folder.iterdir()}


def install(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Install the scripted source for one test."""
    make_distribution(
        folder,
        "scripted-plugin",
        groups={"monolith.sources": {"scripted": "scripted_plugin:Scripted", "plain": "scripted_plugin:Plain"}},
        modules={"scripted_plugin": PLUGIN},
    )
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "scripted_plugin", raising=False)
    importlib.invalidate_caches()


def make_job(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Job:
    """A job of ten days with four records each, and nothing archived yet."""
    secrets.forget()
    install(monkeypatch, tmp_path / "site")
    folder = tmp_path / "job"
    folder.mkdir()
    return Job(folder)
