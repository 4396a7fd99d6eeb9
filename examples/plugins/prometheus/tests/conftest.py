"""Real servers, which end with the session."""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest


def pytest_configure(config):
    config.addinivalue_line("markers", "server: needs the programs of a server")


@pytest.fixture(scope="session")
def program():
    """Where a program is: in what the checkout's scripts unpacked, or on the path."""
    unpacked = [str(folder / ".cache/prometheus/usr/bin") for folder in Path(__file__).parents]

    def program(name):
        found = shutil.which(name, path=os.pathsep.join([*unpacked, os.environ["PATH"]]))
        return found or pytest.skip(f"{name} is not installed (Debian: prometheus, prometheus-pushgateway)")

    return program


@pytest.fixture(scope="session")
def start(program, tmp_path_factory):
    """Starts a program that says on which port it listens; gives its URL."""
    started = []

    def start(name, *arguments):
        folder = tmp_path_factory.mktemp(name)
        log = folder / "log.txt"
        command = [program(name), "--web.listen-address=127.0.0.1:0", *(each.format(folder) for each in arguments)]
        with log.open("w") as output:
            process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output)
        started.append(process)
        while not (found := re.search(r"Listening on.*address=(127\.0\.0\.1:[1-9]\d*)", log.read_text())):
            assert process.poll() is None, log.read_text()
            time.sleep(0.05)
        return f"http://{found[1]}"

    yield start
    for process in started:
        process.terminate()
        process.wait()
