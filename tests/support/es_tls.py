"""nginx before a node: TLS, a user with a password, and a path of its own."""

from __future__ import annotations

import base64
import hashlib
import shutil
import ssl
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from support.elasticsearch_node import install, run
from support.servers import READY_WITHIN, found, free_port

USER, PASSWORD = "monolith", "s3cret:of/the%tests"

_CONFIGURATION = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/log warn;
events {{ worker_connections 64; }}
http {{
  access_log off; client_max_body_size {limit};
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;
    auth_basic "elasticsearch"; auth_basic_user_file {folder}/users;
    location /is/here/ {{ proxy_pass {node}/; proxy_set_header Authorization ""; proxy_http_version 1.1; }}
  }}
}}
"""


def ensure_nginx() -> str:
    """nginx's path; installed from Debian's packages when it is missing."""
    if shutil.which("nginx") is None and not Path("/usr/sbin/nginx").exists():
        install("nginx", "openssl")
    return found("nginx", "usr/sbin", "nginx")


class Guard:
    """An nginx that lets only `USER` pass, over TLS, to a node."""

    def __init__(self, node: str, *, limit: str = "100m") -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="nginx-"))
        self.certificate = self.folder / "cert.pem"
        request = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        request += ["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
        run(*request, "-keyout", self.folder / "key.pem", "-out", self.certificate)
        digest = base64.b64encode(hashlib.sha1(PASSWORD.encode()).digest()).decode()
        (self.folder / "users").write_text(f"{USER}:{{SHA}}{digest}\n")
        assert urlsplit(node).scheme == "http"
        text = _CONFIGURATION.format(folder=self.folder, port=self.port, node=node, limit=limit)
        (self.folder / "nginx.conf").write_text(text)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}/is/here"

    @property
    def fingerprint(self) -> str:
        """The SHA-256 fingerprint of the certificate."""
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(self.certificate.read_text())).hexdigest()

    def __enter__(self) -> Self:
        program = ensure_nginx()
        command = ["setpriv", "--pdeathsig", "KILL", program, "-p", str(self.folder), "-c", "nginx.conf"]
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + READY_WITHIN
        while not (self.folder / "pid").exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"nginx does not start: {(self.folder / 'log').read_text()}")
            time.sleep(0.02)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
