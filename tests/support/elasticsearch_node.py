"""Real Elasticsearch nodes: the server's own jars from Maven Central, kept in the cache, started on a free port.

What is missing to make one (Java, Maven) is installed from Debian's packages.
"""

from __future__ import annotations

import fcntl
import functools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from support.servers import READY_WITHIN, free_port

ROOT = Path(__file__).parent.parent.parent
CACHE = ROOT / ".cache" / "elasticsearch"
RECIPE = ROOT / "tests" / "data" / "elasticsearch"

VERSIONS = {"8.19.0": 17, "9.2.0": 21}
"""The versions that are tested, each with the oldest Java it runs on."""

OLDEST, NEWEST = VERSIONS

HEAP = ("-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")


class Refused(Exception):
    """An answer with an error status."""

    def __init__(self, status: int, body: str) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status


def run(*command: str | Path, cwd: Path | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return done.stdout + done.stderr


@functools.cache
def find_jdk(oldest: int) -> Path | None:
    """The folder of the oldest JDK of this machine that is recent enough; None if there is none.

    They are looked for by JAVA_HOME, on PATH, and where Debian's packages put them.
    """
    ensure_tools()
    home, found = os.environ.get("JAVA_HOME"), shutil.which("javac")
    folders = [Path(home)] if home else []
    folders += [Path(found).resolve().parent.parent] if found else []
    folders += sorted(Path("/usr/lib/jvm").glob("*"))
    versions = {folder: java_version(folder) for folder in folders if (folder / "bin" / "javac").exists()}
    return min(filter(lambda folder: versions[folder] >= oldest, versions), key=versions.__getitem__, default=None)


def java_version(folder: Path) -> int:
    """The major version of a JDK; 0 if it does not say."""
    match = re.search(r'version "(\d+)', run(folder / "bin" / "java", "-version"))
    return int(match[1]) if match is not None else 0


def lacking(version: str) -> str:
    """Why this version of Elasticsearch cannot be started here; empty if it can."""
    oldest = VERSIONS[version]
    return "" if find_jdk(oldest) else f"Elasticsearch {version} is left out: it needs a JDK of {oldest} or newer"


def ensure_tools() -> None:
    """Java's compiler and Maven, from Debian's packages where they are missing."""
    packages = {"javac": "default-jdk-headless", "mvn": "maven"}
    missing = [package for program, package in packages.items() if shutil.which(program) is None]
    if missing:
        install(*missing)


def install(*packages: str) -> None:
    """Install packages of Debian's."""
    if os.geteuid() or shutil.which("apt-get") is None:
        raise RuntimeError(f"{' and '.join(packages)} must be there; install them with apt-get")
    run("apt-get", "update")
    run("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "--no-install-recommends", *packages)


def ensure_jars(version: str) -> Path:
    """The folder with everything that a node of this version is started from; made when it is not there."""
    folder = CACHE / version
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes may come at once
        if not folder.is_dir():
            ensure_tools()
            building = Path(tempfile.mkdtemp(prefix=f"{version}-", dir=CACHE))
            try:
                _build(version, building)
                building.rename(folder)
            finally:
                shutil.rmtree(building, ignore_errors=True)
    return folder


def jdk_of(version: str) -> Path:
    """The JDK that a version of Elasticsearch is built and started with."""
    jdk = find_jdk(VERSIONS[version])
    if jdk is None:
        raise RuntimeError(lacking(version))
    return jdk


def _build(version: str, folder: Path) -> None:
    classes, lib, module = folder / "classes", folder / "lib", folder / "modules" / "transport-netty4"
    for each in (classes, lib, module):
        each.mkdir(parents=True)
    shutil.copy(RECIPE / "pom.xml", folder)
    goal = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
    run("mvn", "-B", "-q", goal, f"-Delasticsearch={version}", f"-DoutputDirectory={lib}", cwd=folder)
    for jar in [*lib.glob("transport-netty4-*.jar"), *lib.glob("netty-*.jar")]:
        jar.rename(module / jar.name)
    descriptor = (RECIPE / "plugin-descriptor.properties").read_text(encoding="utf-8")
    written = descriptor.format(version=version, java=VERSIONS[version])
    (module / "plugin-descriptor.properties").write_text(written, encoding="utf-8")
    run(jdk_of(version) / "bin" / "javac", "-cp", f"{lib}/*", "-d", classes, RECIPE / "Node.java")


class Node:
    """One node; its data survives `stop`, `kill` and `start`, and is gone after `close`.

    Nodes that are given the same `seeds` (see `cluster`) are one cluster. `settings` are Elasticsearch's.
    """

    java: tuple[str, ...] = HEAP
    """Options of Java's."""

    def __init__(self, version: str = OLDEST, *, name: str = "node", **settings: str) -> None:
        self.version = version
        self.jars = ensure_jars(version)
        self.port, self.transport = free_port(), free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="elasticsearch-"))
        self.log = self.folder / "log"
        self.process: subprocess.Popen[bytes] | None = None
        self.settings = {
            "node.name": name,
            "cluster.name": f"monolith-{os.getpid()}",
            "network.host": "127.0.0.1",
            "http.port": str(self.port),
            "transport.port": str(self.transport),
            "cluster.routing.allocation.disk.threshold_enabled": "false",
            "node.store.allow_mmap": "false",
            "node.processors": "2",
            **{name.replace("__", "."): value for name, value in settings.items()},
        }
        if not any(name.startswith(("discovery.", "cluster.initial")) for name in self.settings):
            self.settings["discovery.type"] = "single-node"
        (self.folder / "config").mkdir()
        (self.folder / "modules").symlink_to(self.jars / "modules")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def begin(self) -> None:
        """Start the process, and do not wait for it."""
        given = [f"{name}={value}" for name, value in self.settings.items()]
        java = [
            jdk_of(self.version) / "bin" / "java",
            *self.java,
            "-cp",
            f"{self.jars}/classes:{self.jars}/lib/*",
            "Node",
            str(self.folder),
            *given,
        ]
        with self.log.open("ab") as log:
            # --pdeathsig: a test process that is killed takes its servers with it.
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *java],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
            )

    def start(self) -> None:
        """Start the node and wait until it answers."""
        self.begin()
        self.await_ready()

    def await_ready(self, nodes: int = 1, status: str = "yellow") -> None:
        """Wait until the node answers as one of so many, and the cluster has this status."""
        assert self.process is not None
        deadline = time.monotonic() + READY_WITHIN
        path = f"/_cluster/health?wait_for_nodes=ge({nodes})&wait_for_status={status}&timeout=30s"
        while True:
            if self.process.poll() is not None:
                raise RuntimeError(f"Elasticsearch ended with {self.process.returncode}:\n{self.tail()}")
            try:
                self.ask("GET", path)
                return
            except (OSError, Refused) as error:
                if time.monotonic() > deadline:
                    raise RuntimeError(f"Elasticsearch does not answer: {error}\n{self.tail()}") from error
                time.sleep(0.1)

    def tail(self) -> str:
        """The end of the node's log."""
        return self.log.read_text(errors="replace")[-3000:] if self.log.exists() else ""

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The answer to a request, not sent through any code that is tested."""
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        kind = "application/x-ndjson" if isinstance(body, bytes) else "application/json"
        request = urllib.request.Request(self.url + path, data, {"content-type": kind}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            with error:
                raise Refused(error.code, error.read().decode(errors="replace")) from None

    def documents(self, index: str) -> dict[str, dict[str, Any]]:
        """Every document under an alias, by id."""
        self.ask("POST", f"/{index}/_refresh?ignore_unavailable=true")
        body = {"size": 10_000, "query": {"match_all": {}}}
        found = self.ask("POST", f"/{index}/_search?ignore_unavailable=true", body)
        assert found["hits"]["total"]["value"] <= 10_000
        return {hit["_id"]: hit["_source"] for hit in found["hits"]["hits"]}

    def forget(self) -> None:
        """Delete every index and every template of the tests, and what blocks them."""
        settings = {"persistent": {"*": None}, "transient": {"*": None}}
        self.ask("PUT", "/_cluster/settings", settings)
        names = list(self.ask("GET", "/_all/_settings?expand_wildcards=all"))
        for name in names:
            self.ask("PUT", f"/{name}/_settings", {"index.blocks.read_only": None})
            self.ask("DELETE", f"/{name}")
        for each in self.ask("GET", "/_index_template")["index_templates"]:
            self.ask("DELETE", f"/_index_template/{each['name']}")

    def stop(self) -> None:
        """End the node in its orderly way."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the node with SIGKILL."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self.process is None:
            return
        self.process.send_signal(how)
        try:
            self.process.wait(READY_WITHIN)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def close(self) -> None:
        """End the node for good and delete its data."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def cluster(count: int, version: str = OLDEST) -> list[Node]:
    """Started nodes of one cluster."""
    nodes = [Node(version, name=f"node{number}", discovery__seed_hosts="") for number in range(count)]
    seeds = ",".join(f"127.0.0.1:{node.transport}" for node in nodes)
    for node in nodes:
        node.settings["discovery.seed_hosts"] = seeds
        node.settings["cluster.initial_master_nodes"] = ",".join(each.settings["node.name"] for each in nodes)
    try:
        for node in nodes:
            node.begin()
        for node in nodes:
            node.await_ready(count)
    except BaseException:
        for node in nodes:
            node.close()
        raise
    return nodes


def main() -> None:
    """Start a node, print its URL, and end it when the standard input is closed."""
    node = Node()
    try:
        node.start()
        print(node.url, flush=True)
        sys.stdin.read()
    finally:
        node.close()


if __name__ == "__main__":
    main()
