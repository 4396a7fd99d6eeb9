"""Elasticsearch's official client alone, without monolith: what a load and a reconcile are compared with.

    send.py prepare ARCHIVE FOLDER     write the bodies of the bulk requests that the archive's records make
    send.py bodies URL FOLDER JOBS     send them, so many at once
    send.py bulk URL ARCHIVE           read, make and send the documents by helpers.bulk
    send.py parallel URL ARCHIVE       the same by helpers.parallel_bulk

Each leaves the documents visible to searches.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from base64 import urlsafe_b64encode
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import groupby
from pathlib import Path
from typing import Any

from elasticsearch import Elasticsearch, helpers

MOST = 4 * 2**20
"""Bytes of one body."""
RECORDS = "SELECT date, source, id, category, data FROM record ORDER BY date DESC, source, id"


def records(archive: str) -> Iterator[tuple[str, str, bytes, str, str]]:
    # parallel_bulk reads in another thread than the one that began.
    with closing(sqlite3.connect(archive, check_same_thread=False)) as connection:
        yield from connection.execute(RECORDS)


def identify(date: str, content_id: bytes) -> tuple[str, dict[str, int]]:
    """A document's id, and the two pieces of the record's."""
    pieces = {"a": int.from_bytes(content_id[:4]), "b": int.from_bytes(content_id[4:8])}
    return date.replace("-", "") + urlsafe_b64encode(content_id)[:22].decode(), pieces


def actions(archive: str) -> Iterator[dict[str, Any]]:
    """The records as the helpers want them."""
    for date, source, content_id, category, data in records(archive):
        name, pieces = identify(date, content_id)
        own = {"source": source, "category": category, **pieces}
        head = {"_op_type": "create", "_index": f"monolith-{date[:7]}", "_id": name}
        yield head | {"date": date, "monolith": own} | json.loads(data)


def lines(archive: str) -> Iterator[tuple[str, bytes]]:
    """The index and the lines of each document."""
    for date, source, content_id, category, data in records(archive):
        name, pieces = identify(date, content_id)
        document = json.dumps({"date": date, "monolith": {"source": source, "category": category, **pieces}})
        text = f'{{"create":{{"_id":"{name}"}}}}\n{document[:-1]},{data[1:]}\n'
        yield f"monolith-{date[:7]}", text.encode()


def prepare(archive: str, folder: str) -> None:
    number = 0
    for index, of_index in groupby(lines(archive), key=lambda line: line[0]):
        body = bytearray()
        for _, line in of_index:
            body += line
            if len(body) >= MOST:
                Path(folder, f"{number:05}.{index}").write_bytes(body)
                number, body = number + 1, bytearray()
        Path(folder, f"{number:05}.{index}").write_bytes(body)
        number += 1


def bodies(client: Elasticsearch, folder: str, jobs: str) -> None:
    def send(file: Path) -> None:
        answer = client.bulk(index=file.suffix[1:], operations=file.read_bytes(), filter_path="errors")
        if answer["errors"]:
            raise SystemExit(f"{file} was not taken")

    files = sorted(file for file in Path(folder).iterdir() if file.stat().st_size)
    if jobs == "1":
        for file in files:
            send(file)
        return
    with ThreadPoolExecutor(int(jobs)) as threads:
        list(threads.map(send, files))


def main(what: str, first: str, second: str, *more: str) -> None:
    if what == "prepare":
        prepare(first, second)
        return
    client = Elasticsearch(first, request_timeout=300)
    if what == "bodies":
        bodies(client, second, *more)
    elif what == "bulk":
        helpers.bulk(client, actions(second))
    else:
        deque(helpers.parallel_bulk(client, actions(second)), maxlen=0)
    client.indices.refresh(index="monolith")


if __name__ == "__main__":
    main(*sys.argv[1:])
