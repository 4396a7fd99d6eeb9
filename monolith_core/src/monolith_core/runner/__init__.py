"""The runner: phases, sources under their leases, windows from extraction to the ledger, on trio."""

from __future__ import annotations

from monolith_core.runner.planning import plan
from monolith_core.runner.request import Request
from monolith_core.runner.run import run

__all__ = ["Request", "plan", "run"]
