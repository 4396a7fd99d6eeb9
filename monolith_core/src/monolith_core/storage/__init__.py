"""The storage: the ledger, the runs and the leases, in one SQL database.

Nothing outside of this package knows SQLAlchemy, which is imported when a storage is opened and not before.
"""

from monolith_core.storage.held import Held
from monolith_core.storage.holder import identity
from monolith_core.storage.rows import Covered, Lease, LedgerRow, RunRow
from monolith_core.storage.storage import Storage

__all__ = ["Covered", "Held", "Lease", "LedgerRow", "RunRow", "Storage", "identity"]
