"""An event loop of a section's own, for a file system that talks over the network; fsspec's ends with the process."""

from __future__ import annotations

import asyncio
import threading

_WITHIN = 5.0
"""Seconds that connections may take to close, and the thread to end."""
_SESSIONS = ("_s3creator", "_session")
"""Where file systems keep what has their connections: s3fs; fsspec's for HTTP, and gcsfs."""


class Loop:
    """Runs in a thread of its own until it is closed."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="files", daemon=True)
        self._thread.start()

    def close(self, system: object) -> None:
        """Close the connections of a file system, and end the loop, its threads, and what runs on it."""
        try:
            asyncio.run_coroutine_threadsafe(self._drain(system), self.loop).result(2 * _WITHIN)
        finally:
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join(_WITHIN)
            if not self._thread.is_alive():
                self.loop.close()

    async def _drain(self, system: object) -> None:
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        for session in (getattr(system, name, None) for name in _SESSIONS):
            if session is not None:
                await asyncio.wait_for(session.__aexit__(None, None, None), _WITHIN)
        await self.loop.shutdown_default_executor()
