"""The storage's connections to MariaDB share a TLS context, unless options say what is in it."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme
from pymysql.connections import Connection
from support.servers import MariaDB

from monolith_core.storage import Storage
from monolith_core.storage.tls import sharing


def test_those_without_options_share_what_the_driver_makes() -> None:
    one, two = (sharing(Connection)(defer_connect=True) for _ in range(2))
    assert isinstance(one, Connection)
    assert one.ctx is two.ctx
    own = Connection(defer_connect=True)
    assert (one.ctx.verify_mode, one.ssl, one._ssl_required) == (own.ctx.verify_mode, own.ssl, own._ssl_required)


def test_one_with_options_has_its_own(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(file))
    shared = sharing(Connection)(defer_connect=True)
    for _ in range(2):
        verifying = sharing(Connection)(defer_connect=True, ssl_ca=str(file), ssl_verify_cert=True)
        assert verifying.ctx is not shared.ctx
        assert verifying.ctx.verify_mode is ssl.CERT_REQUIRED
        assert [each["subject"] for each in verifying.ctx.get_ca_certs()] != []
    assert sharing(Connection)(defer_connect=True).ctx is shared.ctx
    assert sharing(Connection)(defer_connect=True, ssl_disabled=True).ssl is False


@pytest.mark.server
def test_the_storage_makes_such_ones(mariadb: MariaDB) -> None:
    storage = Storage.open(mariadb.url())
    try:
        with storage.transaction() as one, storage._engine.connect() as two:
            contexts = {each.connection.driver_connection.ctx for each in (one, two)}
    finally:
        storage.close()
    assert len(contexts) == 1
