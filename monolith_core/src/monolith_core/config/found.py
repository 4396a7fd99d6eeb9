"""Found: the faults of one file, collected."""

from __future__ import annotations

from monolith_core.errors import ConfigurationError, Fault
from monolith_core.secrets import hide


class Found:
    """Collects the faults of a configuration, each once; those of the command line have line 0."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._faults: dict[Fault, None] = {}

    def add(self, line: int, message: str) -> None:
        """Note a fault in a line of the file; its message is freed of secrets."""
        text = "".join(each if each.isprintable() else " " for each in hide(message))
        self._faults[Fault(self.file, line, text) if line else Fault("", 0, text)] = None

    def check(self) -> None:
        """Raise ConfigurationError with all of them, in the order of the lines, if there are any."""
        if self._faults:
            raise ConfigurationError(sorted(self._faults, key=lambda fault: fault.line)) from None
