"""The files of a new plugin's distribution, from the templates beside this file.

A template is Python's `string.Template`: `$name` is filled in, `$$` is a dollar sign. `common/` goes into every
distribution, the folder of its kind into one of that kind.
"""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from string import Template

from monolith_core.errors import MonolithError
from monolith_core.registry import GROUPS, Kind

KINDS: dict[Kind, str] = {
    "source": "a source of records",
    "target": "a target for records",
    "transform": "a transform of records",
    "executor": "an executor, which has sources asked",
    "hooks": "hooks that hear of runs",
}
"""What can be made, and what it is in a sentence."""

LICENSES = ("MIT", "BSD-3-Clause", "MPL-2.0")
"""The licenses whose text is here, by their SPDX names."""

_PREFIX = "monolith-plugin-"
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_IMPORTS = re.compile(r"^from \S+ import (.+)$", re.MULTILINE)
_PLACES = {
    "plugin.py": "src/{package}/__init__.py",
    "test_plugin.py": "tests/test_{module}.py",
    "ci.yml": ".github/workflows/test.yml",
    "gitignore": ".gitignore",
}
"""Where a template's file goes, if not under its own name into the distribution's folder."""


@dataclass(frozen=True)
class NewPlugin:
    """A plugin to be: its name in a configuration (`acme-crm`), its kind, and whose it is.

    Raises MonolithError for a name that cannot be one.
    """

    name: str
    kind: Kind
    license: str
    author: str
    year: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.name.removeprefix(_PREFIX))
        if not _NAME.fullmatch(self.name) or keyword.iskeyword(self._module):
            raise MonolithError(
                f"got the name {self.name!r}, expected lower-case letters, digits and single hyphens, such as acme-crm"
            )

    @property
    def distribution(self) -> str:
        """The distribution's name, which is also its folder's."""
        return _PREFIX + self.name

    @property
    def package(self) -> str:
        """The import package's name."""
        return self.distribution.replace("-", "_")

    @property
    def _module(self) -> str:
        return self.name.replace("-", "_")

    def write(self, parent: Path) -> list[Path]:
        """Write the distribution's folder into `parent`; the files, in order.

        Raises MonolithError if the folder is there already, or cannot be written; nothing is left of it then.
        """
        folder = parent / self.distribution
        if folder.exists():
            raise MonolithError(f"{folder} is there already; remove it, or choose another name or --directory")
        written = []
        for place, text in self.texts():
            file = folder / place
            try:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
            except OSError as error:
                raise MonolithError(f"{file} cannot be written: {error.strerror}; choose another --directory") from None
            written.append(file)
        return sorted(written)

    def texts(self) -> Iterator[tuple[str, str]]:
        """Each file of the distribution: where it goes, and its text."""
        templates = files(__package__) / "templates"
        for part in ("common", self.kind):
            for template in (templates / part).iterdir():
                name = template.name.removesuffix(".txt")
                place = _PLACES.get(name, name).format(package=self.package, module=self._module)
                yield place, self._filled(template.read_text(encoding="utf-8"))
        license_text = (files(__package__) / "licenses" / f"{self.license}.txt").read_text(encoding="utf-8")
        yield "LICENSE", self._filled(license_text)
        yield f"src/{self.package}/py.typed", ""

    def _filled(self, text: str) -> str:
        return Template(text).substitute(self._words)

    def _class_name(self, title: str) -> str:
        """The title, unless Python, pytest or an import of the templates means something else by it."""
        folder = files(__package__) / "templates" / self.kind
        code = "".join((folder / f"{name}.txt").read_text(encoding="utf-8") for name in ("plugin.py", "test_plugin.py"))
        imported = {name for names in _IMPORTS.findall(code) for name in names.split(", ")}
        clashes = keyword.iskeyword(title) or title.startswith("Test") or imported & {title, f"{title}Options"}
        return f"My{title}" if clashes else title

    @cached_property
    def _words(self) -> dict[str, str]:
        title = "".join(part.capitalize() for part in self.name.split("-"))
        what = KINDS[self.kind]
        return {
            "name": self.name,
            "title": title,
            "class_name": self._class_name(title),
            "distribution": self.distribution,
            "package": self.package,
            "group": GROUPS[self.kind],
            "what": what,
            "What": what[0].upper() + what[1:],
            "license": self.license,
            "author": self.author,
            "quoted_author": json.dumps(self.author, ensure_ascii=False),  # as TOML quotes too
            "year": str(self.year),
        }
