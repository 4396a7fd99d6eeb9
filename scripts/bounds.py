"""Print what is installed to test a bound of what the distributions allow, one requirement a line.

python scripts/bounds.py lowest     every direct dependency in the lowest version that is allowed
python scripts/bounds.py highest    in the highest that there is

The tools of requirements-dev.txt stay as they are, unless a distribution depends on them.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent


def declared() -> Iterator[str]:
    """Every direct requirement of the distributions and of their extras, other than on each other.

    Tools that the tests of a plugin may have in any version are none: they stay as they are.
    """
    for file in sorted([*ROOT.glob("monolith_*/pyproject.toml"), *ROOT.glob("examples/plugins/*/pyproject.toml")]):
        project = tomllib.loads(file.read_text(encoding="utf-8"))["project"]
        extras = project.get("optional-dependencies", {}).values()
        requirements = [*project["dependencies"], *(text for extra in extras for text in extra)]
        yield from (each for each in requirements if not each.startswith("monolith-") and ">=" in each)


def name(requirement: str) -> str:
    """A distribution's name as the package index compares it."""
    return re.sub(r"[-_.]+", "-", re.split(r"[\s\[<>=!~;]", requirement)[0]).lower()


def lowest(requirement: str) -> str:
    """`library>=1,<3; marker` as `library==1; marker`."""
    specifiers, semicolon, marker = requirement.partition(";")
    return re.sub(r">=([^,]+).*", r"==\1", specifiers) + semicolon + marker


def main() -> None:
    """Print the requirements."""
    requirements = list(dict.fromkeys(declared()))
    known = {name(each) for each in requirements}
    pins = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8").splitlines()
    tools = [pin for pin in pins if pin and not pin.startswith("#") and name(pin) not in known]
    print(*(lowest(each) if sys.argv[1] == "lowest" else each for each in requirements), *tools, sep="\n")


if __name__ == "__main__":
    main()
