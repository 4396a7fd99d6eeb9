"""How a command's process ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

# What is registered first is called last.
LOOK = """
import atexit, gc
atexit.register(lambda: print(gc.get_freeze_count()))
"""


def test_no_garbage_is_looked_for_at_the_end(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(LOOK, encoding="utf-8")
    program = Path(sys.executable).parent / "monolith-extract"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([program, "--version"], env=environment, capture_output=True, text=True, check=True)
    assert int(done.stdout.splitlines()[-1]) > 1000
