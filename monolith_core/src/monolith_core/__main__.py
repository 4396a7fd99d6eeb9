"""`python -m monolith_core` is `monolith-extract`."""

from monolith_core.cli.extract import main

main(prog_name="python -m monolith_core")
