"""Private database servers: started on a free port of this machine, with their data in a folder that is deleted."""

from __future__ import annotations

import itertools
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

USER = "monolith"
PASSWORD = "s3cret/of:the%tests"
READY_WITHIN = 180.0


def free_port() -> int:
    """A port nobody listens on, below those that the kernel gives to outgoing connections."""
    for port in random.sample(range(20000, 30000), 200):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port between 20000 and 30000")


def found(program: str, folder: str, package: str) -> str:
    """The path of a server's program; `folder` is a pattern of where Debian puts it."""
    candidates = sorted(Path("/").glob(f"{folder}/{program}"), key=str)
    path = str(candidates[-1]) if candidates else shutil.which(program)
    if path is None:
        raise RuntimeError(f"{program} is not installed; install it with: apt-get install {package}")
    return path


class Server(ABC):
    """One server process; its data survives `stop`, `kill` and `start`, and is gone after `close`."""

    kind: str
    scheme: str

    def __init__(self) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix=f"{self.kind}-"))
        self.data = self.folder / "data"
        self.log = self.folder / "log"
        self.process: subprocess.Popen[bytes] | None = None
        self._names = itertools.count(1)
        try:
            self.prepare()
            self.start()
            self.create_user()
        except BaseException:
            self.close()
            raise

    @abstractmethod
    def prepare(self) -> None:
        """Make the data folder."""

    @abstractmethod
    def command(self) -> list[str]:
        """What starts the server in the foreground."""

    @abstractmethod
    def connect(self, database: str | None = None) -> Any:
        """A DBAPI connection of the administrator, in autocommit mode; raises OSError or the driver's Error."""

    @abstractmethod
    def create_user(self) -> None:
        """Create the user whom `url` names."""

    @abstractmethod
    def create_database(self, name: str) -> None:
        """Create an empty database that the user may do anything in."""

    @abstractmethod
    def drop_database(self, name: str) -> None:
        """Delete a database, also one that is in use."""

    stop_signal = signal.SIGTERM

    def admin(self, sql: str, *values: Any, database: str | None = None) -> list[tuple[Any, ...]]:
        """Run one statement as the administrator; its rows."""
        connection = self.connect(database)
        try:
            cursor = connection.cursor()
            cursor.execute(sql, values or None)
            return list(cursor.fetchall()) if cursor.description else []
        finally:
            connection.close()

    def url(self, database: str | None = None, *, user: str = USER, password: str = PASSWORD) -> str:
        """Create a database (by default one with a new name), and return its SQLAlchemy URL."""
        name = database or f"test{next(self._names)}"
        self.create_database(name)
        return self.url_of(name, user=user, password=password)

    def url_of(self, database: str, *, user: str = USER, password: str = PASSWORD) -> str:
        """The SQLAlchemy URL of a database that exists."""
        return f"{self.scheme}://{user}:{quote(password, safe='')}@127.0.0.1:{self.port}/{database}"

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self._launch()
        self._wait_until_ready()

    def _launch(self) -> None:
        # --pdeathsig: a test process that is killed takes its servers with it.
        command = ["setpriv", "--pdeathsig", "KILL", *self.privileges(), *self.command()]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder, start_new_session=True
            )

    def privileges(self) -> list[str]:
        """Options of setpriv that the server is started with."""
        return []

    def _wait_until_ready(self) -> None:
        assert self.process is not None
        deadline = time.monotonic() + READY_WITHIN
        while True:
            if self.process.poll() is not None:
                if "is still in use" not in self.tail()[-400:] or time.monotonic() > deadline:
                    raise RuntimeError(f"{self.kind} ended with {self.process.returncode}:\n{self.tail()}")
                time.sleep(0.05)  # a killed PostgreSQL's backends need a moment to notice
                self._launch()
                continue
            try:
                self.connect().close()
                return
            except Exception as error:
                if time.monotonic() > deadline:
                    message = f"{self.kind} does not answer after {READY_WITHIN:g} s: {error}\n{self.tail()}"
                    raise RuntimeError(message) from error
                time.sleep(0.05)

    def tail(self) -> str:
        """The end of the server's log."""
        return self.log.read_text(errors="replace")[-2000:] if self.log.exists() else ""

    def stop(self) -> None:
        """End the server in its orderly way."""
        self._end(self.stop_signal)

    def kill(self) -> None:
        """End the server with SIGKILL."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop and start."""
        self.stop()
        self.start()

    def _end(self, how: signal.Signals) -> None:
        if self.process is None:
            return
        children = self._children()
        self.process.send_signal(how)
        if how == signal.SIGKILL:
            for child in children:  # PostgreSQL has one for each connection, which would answer on for a moment
                with suppress(ProcessLookupError):
                    os.kill(child, how)
        try:
            self.process.wait(READY_WITHIN)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def _children(self) -> list[int]:
        with suppress(OSError):  # it has ended already
            return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]
        return []

    def close(self) -> None:
        """End the server for good and delete its data."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class MariaDB(Server):
    """MariaDB; its character set is the default one, latin1, so that nothing works only by configuration."""

    kind = "mariadb"
    scheme = "mysql+pymysql"

    def prepare(self) -> None:
        install = found("mariadb-install-db", "usr/bin", "mariadb-server-core")
        subprocess.run(
            [
                install,
                "--no-defaults",
                f"--datadir={self.data}",
                f"--tmpdir={self.folder}",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                "--skip-name-resolve",
                *self.as_user(),
            ],
            check=True,
            capture_output=True,
            cwd=self.folder,
        )

    @staticmethod
    def as_user() -> list[str]:
        return ["--user=root"] if os.geteuid() == 0 else []

    @property
    def socket(self) -> str:
        return str(self.folder / "socket")

    def command(self) -> list[str]:
        return [
            found("mariadbd", "usr/sbin", "mariadb-server-core"),
            "--no-defaults",
            *self.as_user(),
            f"--datadir={self.data}",
            # Its own: a server that starts deletes the temporary tables of every other one in the same folder.
            f"--tmpdir={self.folder}",
            f"--socket={self.socket}",
            f"--pid-file={self.folder / 'pid'}",
            "--bind-address=127.0.0.1",
            f"--port={self.port}",
            "--skip-name-resolve",
            # 2: written to the operating system at each commit, so that a killed server loses nothing committed.
            "--innodb-flush-log-at-trx-commit=2",
            "--innodb-doublewrite=0",
            "--innodb-use-native-aio=0",
            "--innodb-buffer-pool-size=32M",
            "--innodb-log-file-size=16M",
            "--key-buffer-size=1M",
            "--aria-pagecache-buffer-size=4M",
            "--max-connections=100",
        ]

    def connect(self, database: str | None = None) -> Any:
        import pymysql

        with socket.socket(socket.AF_UNIX) as probe:  # PyMySQL does not close a unix socket that is refused
            probe.connect(self.socket)
        return pymysql.connect(unix_socket=self.socket, user="root", database=database, autocommit=True)

    def create_user(self) -> None:
        self.admin("CREATE USER %s@'%%' IDENTIFIED BY %s", USER, PASSWORD)

    def create_database(self, name: str) -> None:
        self.admin(f"CREATE DATABASE `{name}`")
        self.admin(f"GRANT ALL ON `{name}`.* TO {USER}@'%'")

    def drop_database(self, name: str) -> None:
        self.admin(f"DROP DATABASE IF EXISTS `{name}`")


class PostgreSQL(Server):
    """PostgreSQL; it refuses to run as root, so that root's tests run it as `postgres` or `nobody`."""

    kind = "postgresql"
    scheme = "postgresql+psycopg"
    stop_signal = signal.SIGINT  # the "fast" way: does not wait for clients to leave

    @staticmethod
    def program(name: str) -> str:
        return found(name, "usr/lib/postgresql/*/bin", "postgresql")

    @staticmethod
    def account() -> pwd.struct_passwd | None:
        if os.geteuid() != 0:
            return None
        for name in ("postgres", "nobody"):
            try:
                return pwd.getpwnam(name)
            except KeyError:
                continue
        raise RuntimeError("PostgreSQL refuses to run as root, and there is no user postgres or nobody")

    def privileges(self) -> list[str]:
        account = self.account()
        if account is None:
            return []
        return [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]

    def prepare(self) -> None:
        account = self.account()
        if account is not None:
            os.chown(self.folder, account.pw_uid, account.pw_gid)
        command = [self.program("initdb"), "-D", str(self.data), "-U", "admin", "--encoding=UTF8", "--locale=C"]
        command += ["--no-sync", "--auth-local=trust", "--auth-host=scram-sha-256"]
        subprocess.run(["setpriv", *self.privileges(), *command], check=True, capture_output=True, cwd=self.folder)

    def command(self) -> list[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self.folder,
            "fsync": "off",
            "full_page_writes": "off",
            "shared_buffers": "32MB",
            "max_connections": 100,
            "max_wal_size": "64MB",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [self.program("postgres"), "-D", str(self.data), *options]

    def connect(self, database: str | None = None) -> Any:
        import psycopg

        return psycopg.connect(
            host=str(self.folder), port=self.port, user="admin", dbname=database or "postgres", autocommit=True
        )

    def create_user(self) -> None:
        self.admin(f"CREATE USER {USER} PASSWORD '{PASSWORD}'")

    def create_database(self, name: str) -> None:
        self.admin(f'CREATE DATABASE "{name}" OWNER {USER} TEMPLATE template0')

    def drop_database(self, name: str) -> None:
        self.admin(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
