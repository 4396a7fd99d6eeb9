"""Make `shop.sqlite`, a small database to archive: a month of orders.

python shop.py
"""

from __future__ import annotations

import datetime as dt
import sqlite3
from contextlib import closing

with closing(sqlite3.connect("shop.sqlite")) as connection:
    connection.execute("CREATE TABLE orders (created TIMESTAMP, product TEXT, price NUMERIC)")
    start = dt.datetime(2024, 1, 1, 8)
    orders = [
        ((start + dt.timedelta(hours=5 * n)).isoformat(" "), ("tea", "coffee", "cake")[n % 3], 2 + n % 7 / 2)
        for n in range(149)
    ]
    connection.executemany("INSERT INTO orders VALUES (?, ?, ?)", orders)
    connection.commit()
