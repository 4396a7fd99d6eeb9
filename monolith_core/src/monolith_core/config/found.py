"""Found: the faults of one file, collected."""

from __future__ import annotations

from monolith_core.errors import ConfigurationError, Fault
from monolith_core.secrets import hide


class Found:
    """Collects the faults of a configuration, each once; those of the command line have line 0."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._faults: dict[Fault, None] = {}
        self._warnings: dict[Fault, None] = {}

    def add(self, line: int, message: str) -> None:
        """Note a fault in a line of the file; its message is freed of secrets."""
        self._faults[self._fault(line, message)] = None

    def warn(self, line: int, message: str) -> None:
        """Note what is right and should be written in another way."""
        self._warnings[self._fault(line, message)] = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was warned of, in the order of the lines."""
        return tuple(map(str, sorted(self._warnings, key=lambda fault: fault.line)))

    def _fault(self, line: int, message: str) -> Fault:
        text = "".join(each if each.isprintable() else " " for each in hide(message))
        return Fault(self.file, line, text) if line else Fault("", 0, text)

    def check(self) -> None:
        """Raise ConfigurationError with all of them, in the order of the lines, if there are any."""
        if self._faults:
            raise ConfigurationError(sorted(self._faults, key=lambda fault: fault.line)) from None
