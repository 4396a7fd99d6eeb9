"""Reconcile: what the targets really hold, compared with the ledger; and, if wanted, loaded again where it differs."""

from __future__ import annotations

from monolith_core.reconcile.difference import Difference, Kind
from monolith_core.reconcile.look import Found, Scope, look
from monolith_core.reconcile.repair import Left, Marked, loading, mark, unrepaired

__all__ = ["Difference", "Found", "Kind", "Left", "Marked", "Scope", "loading", "look", "mark", "unrepaired"]
