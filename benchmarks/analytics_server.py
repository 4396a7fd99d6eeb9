"""Gives one large report as the Google Analytics Data API does, for the benchmark: analytics_server.py ROWS.

Prints its address, and answers every `runReport` with the page that is asked for, until it is ended.
"""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DIMENSIONS = ("date", "country", "pagePath", "deviceCategory", "sessionSource")
METRICS = {"sessions": "TYPE_INTEGER", "activeUsers": "TYPE_INTEGER", "userEngagementDuration": "TYPE_SECONDS"}


def row(number: int) -> dict[str, list[dict[str, str]]]:
    dimensions = ("20240301", "Spain", f"/a/path/of/some/usual/length/{number}", "desktop", "a-search-engine.example")
    metrics = (str(number), "7", "1.5")
    return {
        "dimensionValues": [{"value": value} for value in dimensions],
        "metricValues": [{"value": value} for value in metrics],
    }


def page(rows: int, offset: int, limit: int) -> bytes:
    return json.dumps(
        {
            "dimensionHeaders": [{"name": name} for name in DIMENSIONS],
            "metricHeaders": [{"name": name, "type": kind} for name, kind in METRICS.items()],
            "rows": [row(number) for number in range(offset, min(offset + limit, rows))],
            "rowCount": rows,
            "metadata": {"timeZone": "UTC"},
        }
    ).encode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    rows = 0

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        content = page(self.rows, int(asked.get("offset", 0)), int(asked["limit"]))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:
        pass


def main() -> None:
    Handler.rows = int(sys.argv[1])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
