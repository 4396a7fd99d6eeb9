"""Build the distributions: an sdist and a wheel of each, the same bytes wherever and whenever they are built.

Started by scripts/build, with the folder to build into and the distributions' folders.

setuptools gives a wheel's files the time in SOURCE_DATE_EPOCH, but writes into an sdist who built it and when; so an
sdist is written once more, in order and without that, before its wheel is built from it. The bytes still depend on the
versions of setuptools and of zlib: requirements-dev.txt has the one, the interpreter the other.
"""

from __future__ import annotations

import gzip
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent


def last_commit() -> str:
    """Seconds since 1970 of the last commit."""
    command = ["git", "log", "--max-count=1", "--format=%ct"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit("scripts/build: here is no repository to take the time from; set SOURCE_DATE_EPOCH")
    return done.stdout.strip()


def copy(folder: str, to: Path) -> None:
    """Copy what git has of a folder, or would have, with links as what they lead to, readable for everybody."""
    links = [path for path in (ROOT / folder).iterdir() if path.is_symlink() and path.is_dir()]
    for name in [*tracked(folder), *(each for link in links for each in tracked(str(link.resolve())))]:
        file = to / placed(ROOT / name, ROOT / folder, links)
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, file)
        file.chmod(0o644)


def tracked(folder: str) -> list[str]:
    """The files that git has in a folder, or would have; links to folders are none."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", folder]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def placed(file: Path, folder: Path, links: list[Path]) -> Path:
    """Where a file is in its distribution, which may have it through a link."""
    for link in links:
        if file.is_relative_to(link.resolve()):
            return link.relative_to(folder) / file.relative_to(link.resolve())
    return file.relative_to(folder)


def normalise(sdist: Path, time: int) -> None:
    """Write an sdist once more: members in order, all of one time, nobody's."""
    buffer = io.BytesIO()
    with (
        tarfile.open(sdist) as before,
        tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as after,
    ):
        for member in sorted(before, key=lambda member: member.name):
            plain = tarfile.TarInfo(member.name)
            plain.type, plain.size, plain.mtime = member.type, member.size, time
            plain.mode = 0o755 if member.isdir() else 0o644
            after.addfile(plain, before.extractfile(member) if member.isfile() else None)
    sdist.write_bytes(gzip.compress(buffer.getvalue(), mtime=time))


def build(source: Path, kind: str, to: Path) -> None:
    """Build a distribution's `sdist` or `wheel` with the tools that are installed; raises SystemExit if that fails."""
    command = [sys.executable, "-m", "build", "--no-isolation", f"--{kind}", "--outdir", str(to), str(source)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{done.stdout}\nscripts/build: the {kind} of {source.name} cannot be built; see above")


def make(folder: str, to: Path) -> list[Path]:
    """Build a distribution's sdist, and from that its wheel; where they are."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        copy(folder, work / "source")
        build(work / "source", "sdist", work / "made")
        (sdist,) = (work / "made").iterdir()
        normalise(sdist, int(os.environ["SOURCE_DATE_EPOCH"]))
        with tarfile.open(sdist) as archive:
            archive.extractall(work / "unpacked", filter="data")
        (unpacked,) = (work / "unpacked").iterdir()
        build(unpacked, "wheel", work / "made")
        return [Path(shutil.copy(made, to)) for made in sorted((work / "made").iterdir())]


def main() -> None:
    """Build the distributions that are named."""
    to = Path(sys.argv[1])
    to.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("SOURCE_DATE_EPOCH", last_commit())
    os.umask(0o022)
    for folder in sys.argv[2:]:
        for made in make(folder, to):
            print(made)


if __name__ == "__main__":
    main()
