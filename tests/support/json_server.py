"""json-server: the REST service that npm has under this name, kept in the cache, started with some records."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from support.servers import READY_WITHIN, free_port

ROOT = Path(__file__).parent.parent.parent
CACHE = ROOT / ".cache" / "json-server"
RECIPE = ROOT / "tests" / "data" / "json-server" / "package.json"


def ensure_program() -> Path:
    """json-server's program, installed by npm when it is not there; raises RuntimeError with npm's last words."""
    CACHE.mkdir(parents=True, exist_ok=True)
    installed = CACHE / "installed"
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes may come at once
        if not (installed / "package.json").is_file() or (installed / "package.json").read_text() != RECIPE.read_text():
            _install(installed)
    return installed / "node_modules/json-server/lib/cli/bin.js"


def _install(folder: Path) -> None:
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise RuntimeError(f"json-server needs {program}; install it (Debian: apt-get install nodejs npm)")
    with tempfile.TemporaryDirectory(dir=CACHE) as made:
        work = Path(made) / "work"
        work.mkdir()
        shutil.copy(RECIPE, work)
        command = ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts"]
        done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
        if done.returncode:
            words = (done.stderr or done.stdout).strip().splitlines()
            raise RuntimeError(
                f"json-server cannot be installed (is npm's registry within reach?): {' | '.join(words[-3:])}"
            )
        shutil.rmtree(folder, ignore_errors=True)
        work.rename(folder)


class JsonServer:
    """Serves lists of records: `/visits` has those of `visits`, paged by `_page` and `_limit` with a header Link."""

    def __init__(self, **lists: list[dict[str, Any]]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="json-server-")
        self._lists = lists
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        program, file = ensure_program(), Path(self._folder.name) / "db.json"
        file.write_text(json.dumps(self._lists))
        with (Path(self._folder.name) / "log").open("wb") as log:
            command = ["node", str(program), "--quiet", "--host", "127.0.0.1", "--port", str(self.port), str(file)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            self._wait(self._process)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._folder.cleanup()

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + READY_WITHIN
        while True:
            try:
                urllib.request.urlopen(f"{self.url}/db", timeout=READY_WITHIN).close()
                return
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    text = (Path(self._folder.name) / "log").read_text(errors="replace")
                    raise RuntimeError(f"json-server does not start: {text.strip()[-500:]}") from None
                time.sleep(0.05)
