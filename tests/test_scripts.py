"""The set-up that scripts/test and scripts/demo do: what it says, what it reuses, and how it fails."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TOOLS = (
    *("bash", "cat", "chmod", "cmp", "dirname", "env", "grep", "head", "mkdir", "mktemp", "rm", "sed", "tail", "tee"),
    "timeout",
)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What the set-up reads of a checkout, and nothing else."""
    folder = tmp_path / "checkout"
    shutil.copytree(ROOT / "scripts", folder / "scripts")
    shutil.copy(ROOT / "requirements-dev.txt", folder)
    for project in (*ROOT.glob("monolith_*/pyproject.toml"), *ROOT.glob("examples/plugins/*/pyproject.toml")):
        copy = folder / project.relative_to(ROOT)
        copy.parent.mkdir(parents=True)
        shutil.copy(project, copy)
    return folder


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """An environment with the everyday tools, no Python, no apt-get, no package index."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found
        (tools / tool).symlink_to(found)
    return {"PATH": str(tools), "HOME": str(tmp_path), "PIP_NO_INDEX": "1"}


def script(checkout: Path, commands: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run commands as a script of the checkout would."""
    text = f"set -euo pipefail\nsource scripts/lib.sh\n{commands}"
    return subprocess.run(
        ["bash", "-c", text, "scripts/test"], cwd=checkout, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("path", ["scripts/lib.sh", "scripts/test", "scripts/build", "scripts/demo", ".ci/run"])
def test_scripts_are_valid_bash(path: str) -> None:
    assert subprocess.run(["bash", "-n", ROOT / path], check=False).returncode == 0
    assert os.access(ROOT / path, os.X_OK) is (path != "scripts/lib.sh")


def test_help_says_how_to_use_it() -> None:
    done = subprocess.run([ROOT / "scripts/test", "--help"], capture_output=True, text=True, check=True)
    assert "scripts/test [--quick | --campaign] [PYTEST ARGUMENTS]" in done.stdout
    assert "set -" not in done.stdout


def test_the_demo_refuses_what_it_does_not_know() -> None:
    done = subprocess.run([ROOT / "scripts/demo", "--elastic"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "scripts/demo: got '--elastic', expected nothing or --elasticsearch\n"
    done = subprocess.run([ROOT / "scripts/demo", "--help"], capture_output=True, text=True, check=True)
    assert "scripts/demo [--elasticsearch]" in done.stdout


def test_without_python_one_line_says_so(checkout: Path, bare: dict[str, str]) -> None:
    done = script(checkout, "ensure_environment", bare)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("scripts/test: no Python 3.11 to 3.14 with venv, ssl and sqlite3 found")


def test_python_is_found_in_pyenv(checkout: Path, bare: dict[str, str], tmp_path: Path) -> None:
    minor = sys.version_info[1]
    folder = tmp_path / f".pyenv/versions/3.{minor}.1/bin"
    folder.mkdir(parents=True)
    (folder / "python3").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (folder / "python3").chmod(0o755)
    assert script(checkout, "any_python", bare).stdout.strip() == sys.executable


def test_an_interpreter_of_another_version_is_not_taken(checkout: Path, bare: dict[str, str]) -> None:
    assert script(checkout, f"usable {sys.executable} {sys.version_info[1]}", bare).stdout.strip() == sys.executable
    assert script(checkout, f"usable {sys.executable} {sys.version_info[1] + 1}", bare).returncode == 1


def test_a_broken_environment_is_made_again(checkout: Path, bare: dict[str, str], tmp_path: Path) -> None:
    """Its interpreter was moved; and there is no package index: one line says so, and the log has the rest."""
    (checkout / ".venv/bin").mkdir(parents=True)
    (checkout / ".venv/bin/python").symlink_to(tmp_path / "gone")
    done = script(checkout, f'environment "$root/.venv" {sys.executable}', bare)
    assert "==> making the virtual environment .venv with Python 3." in done.stdout
    assert "==> installing the tools and monolith into .venv" in done.stdout
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(
        "scripts/test: installing requirements-dev.txt (is the package index within reach?) failed: "
    )
    assert line.endswith("everything it said is in .cache/setup.log")
    assert "ERROR:" in (checkout / ".cache/setup.log").read_text()


def test_an_unchanged_environment_is_used_as_it_is(checkout: Path, bare: dict[str, str]) -> None:
    (checkout / ".venv/bin").mkdir(parents=True)
    (checkout / ".venv/bin/python").symlink_to(sys.executable)
    use = f'environment "$root/.venv" {sys.executable}'
    done = script(checkout, f"recipe {sys.executable} >.venv/recipe\n{use}", bare)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    with (checkout / "requirements-dev.txt").open("a") as requirements:
        requirements.write("something==1\n")
    done = script(checkout, f'quietly() {{ echo "[$1]"; }}\n{use}', bare)
    assert "making" not in done.stdout
    assert "[installing requirements-dev.txt" in done.stdout


def test_missing_servers_without_apt(checkout: Path, bare: dict[str, str]) -> None:
    others = ("postgresql", "elasticsearch", "nginx", "npm", "prometheus")
    only = "".join(["has_mariadb() { false; }\n", *(f"has_{each}() {{ true; }}\n" for each in others)])
    done = script(checkout, f"{only}ensure_servers", bare)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line == (
        "scripts/test: the tests need servers, and there is no apt-get here; install mariadb-server-core"
        " mariadb-client-core yourself, or run scripts/test --quick, which needs no server"
    )


def test_missing_servers_are_installed(checkout: Path, bare: dict[str, str]) -> None:
    """What would be run, told by an apt-get that only says how it was called."""
    tool = Path(bare["PATH"]) / "apt-get"
    tool.write_text('#!/bin/sh\necho "$@" >>apt.txt\n[ $1 != download ] || : >some.deb\n')
    tool.chmod(0o755)
    missing = 'has_mariadb() { [[ -f apt.txt ]]; }\nsudo() { shift; "$@"; }\n'
    missing += "".join(f"has_{each}() {{ has_mariadb; }}\n" for each in ("postgresql", "elasticsearch", "nginx", "npm"))
    missing += 'has_prometheus() { [[ -f "$cache/prometheus/unpacked" ]]; }\n'
    tool = Path(bare["PATH"]) / "dpkg-deb"
    tool.write_text('#!/bin/sh\necho "$@" >"$3/unpacked"\n')
    tool.chmod(0o755)
    done = script(checkout, f"{missing}ensure_servers\nensure_servers", bare)
    assert (done.returncode, done.stderr) == (0, "")
    packages = "mariadb-server-core mariadb-client-core postgresql default-jdk-headless maven nginx openssl nodejs npm"
    unpacked = "prometheus prometheus-pushgateway"
    assert done.stdout.strip() == f"==> installing {packages} {unpacked} with apt-get"
    assert (checkout / "apt.txt").read_text().splitlines() == [
        "update",
        f"install --yes --no-install-recommends {packages}",
    ]
    folder = checkout / ".cache/prometheus"
    assert (folder / "apt.txt").read_text() == f"download {unpacked}\n"
    assert (folder / "unpacked").read_text() == f"--extract {folder}/some.deb {folder}\n"
    assert not list(folder.glob("*.deb"))


def test_what_runs_beside_the_script_can_be_interrupted(checkout: Path, bare: dict[str, str]) -> None:
    code = "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    done = script(checkout, f"beside {sys.executable} -c '{code}'\nwait $!", bare)
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")


@pytest.mark.parametrize(("free", "used"), [(8000, True), (7999, False)])
def test_temporary_files_are_in_memory_while_there_is_plenty(
    checkout: Path, bare: dict[str, str], tmp_path: Path, free: int, used: bool
) -> None:
    memory = tmp_path / "memory"
    memory.mkdir()
    answers = {"stat": "tmpfs", "df": f"Avail\\n{free}", "awk": str(64 << 20)}
    for tool, answer in answers.items():
        (Path(bare["PATH"]) / tool).write_text(f"#!/bin/sh\nprintf '{answer}\\n'\n")
        (Path(bare["PATH"]) / tool).chmod(0o755)
    done = script(checkout, f'use_memory {memory}\necho "<${{TMPDIR-}}>"\n[[ ! -v TMPDIR ]] || : >"$TMPDIR/file"', bare)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"<{memory}/monolith-") is used
    assert list(memory.iterdir()) == []


WithPytests = Callable[[str, str], Path]
RunTests = Callable[[int, int], tuple[int, list[str]]]
PYTEST = """#!/bin/sh
case "$*" in
    --version) echo Python 3.{minor}.0 ;;
    *pytest*) {commands} ;;
esac
"""


@pytest.fixture
def with_pytests(checkout: Path) -> WithPytests:
    """Gives scripts/test of a checkout where all is done up to the tests, and pytest is these commands: here and on
    another Python."""

    def with_pytests(own: str, other: str) -> Path:
        for folder, minor, commands in ((".venv", 11, own), (".cache/venv-3.12", 12, other)):
            python = checkout / folder / "bin/python"
            python.parent.mkdir(parents=True)
            python.write_text(PYTEST.format(minor=minor, commands=commands))
            python.chmod(0o755)
        path = checkout / "scripts/test"
        text = path.read_text()
        for step, instead in {
            "ensure_environment": "PATH=$root/.venv/bin:$PATH",
            "check_sources": "",
            "prepare_others": "others=(12)",
        }.items():
            assert text.count(f"\n{step}\n") == 1
            text = text.replace(f"\n{step}\n", f"\n{instead}\n")
        path.write_text(text)
        return path

    return with_pytests


def ending(status: int) -> str:
    """A pytest that says two lines and ends with this status."""
    return f"echo a test; echo status {status}; exit {status}"


@pytest.fixture
def run_tests(with_pytests: WithPytests, bare: dict[str, str]) -> RunTests:
    """Runs scripts/test with pytests that end with these statuses: its own status, and the lines that it printed."""

    def run_tests(own: int, other: int) -> tuple[int, list[str]]:
        path = with_pytests(ending(own), ending(other))
        done = subprocess.run([path, "--quick"], env=bare, capture_output=True, text=True, check=False)
        return done.returncode, [line for line in done.stdout.splitlines() if line]

    return run_tests


def test_the_other_pythons_are_told_before_the_last_line(run_tests: RunTests) -> None:
    assert run_tests(0, 0) == (
        0,
        [
            "==> the tests on Python 3.11.0; beside them the quick part on Python 3.12, told below",
            "a test",
            "status 0",
            "==> the quick part on Python 3.12",
            "Python 3.12: status 0",
            "==> done",
            "status 0",
        ],
    )


@pytest.mark.parametrize(("own", "other"), [(1, 0), (0, 1)])
def test_a_failure_on_any_python_is_one(run_tests: RunTests, own: int, other: int) -> None:
    status, said = run_tests(own, other)
    assert status == 1
    assert said[-2:] == ["==> FAILED; see above", f"status {own}"]
    assert said.count("a test") == 1 + other, "all that a pytest which failed has said is there"


def test_ctrl_c_ends_the_tests_on_every_python(with_pytests: WithPytests, bare: dict[str, str], tmp_path: Path) -> None:
    waiting = tmp_path / "waiting"
    os.mkfifo(waiting)
    sleep = shutil.which("sleep")
    path = with_pytests(*[f"exec 3>{waiting}; echo begun >&3; exec {sleep} 600"] * 2)
    command = [shutil.which("env") or "env", "--default-signal=INT", path, "--quick"]
    process = subprocess.Popen(command, env=bare, stdout=subprocess.PIPE, start_new_session=True, text=True)
    with waiting.open() as told:
        assert [told.readline(), told.readline()] == ["begun\n"] * 2
        os.killpg(process.pid, signal.SIGINT)
        assert told.read() == "", "both have ended"
    process.communicate()
    assert process.returncode != 0
