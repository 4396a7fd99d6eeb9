"""Files in object stores and on servers, spoken to by their real clients: S3 (moto's server), HTTP, fsspec's memory."""

from __future__ import annotations

import datetime as dt
import os
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner
from support.files import DAY, NEXT, data, given, notes, source, window

from monolith_core import Partition, PermanentError, TemporaryError
from monolith_core.cli.extract import main as extract
from monolith_core.plugin import Context
from monolith_core.testing import TargetSuite, staged
from monolith_plugins_files.source import FilesSource
from monolith_plugins_files.target import FilesTarget

SHOP = Partition("shop", DAY)


def target(path: str, **options: Any) -> FilesTarget:
    model = FilesTarget.Options.model_validate({"path": path, **given(options)})
    made = FilesTarget(model, Context(id="out", timezone=ZoneInfo("UTC")))
    made.setup()
    return made


# --- S3


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """moto's server, in a thread, on the loopback."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


class Bucket:
    """A new bucket, and what a section is told to reach it."""

    def __init__(self, endpoint: str) -> None:
        import boto3

        self.name = f"bucket-{uuid4().hex[:8]}"
        self.options = {"endpoint_url": endpoint, "key": "reader", "secret": "a-secret-key"}
        self.client = boto3.client(
            "s3", endpoint_url=endpoint, aws_access_key_id="x", aws_secret_access_key="y", region_name="us-east-1"
        )
        self.client.create_bucket(Bucket=self.name)

    def put(self, key: str, content: str) -> None:
        self.client.put_object(Bucket=self.name, Key=key, Body=content.encode())

    def keys(self) -> set[str]:
        return {each["Key"] for each in self.client.list_objects_v2(Bucket=self.name).get("Contents", [])}

    def read(self, key: str) -> bytes:
        content: bytes = self.client.get_object(Bucket=self.name, Key=key)["Body"].read()
        return content

    def source(self, path: str, **options: Any) -> FilesSource:
        return source(f"s3://{self.name}/{path}", option=self.options, **options)

    def target(self, path: str, **options: Any) -> FilesTarget:
        return target(f"s3://{self.name}/{path}", option=self.options, **options)


@pytest.fixture
def bucket(endpoint: str) -> Iterator[Bucket]:
    made = Bucket(endpoint)
    yield made
    made.client.close()


@pytest.mark.server
class TestS3:
    @pytest.mark.parametrize("path", ["%Y/%m/%d/%Y-v.csv", "%Y/%m/%d/*.csv", "*/%m/%d/%Y-v.csv", "**/%m/%d/%Y-v.csv"])
    def test_files_are_found_and_read(self, bucket: Bucket, path: str) -> None:
        bucket.put("2024/02/29/2024-v.csv", "n\n1\n2\n")
        bucket.put("2024/03/01/2024-v.csv", "n\n3\n")
        bucket.put("2024/03/01/.v.csv", "n\n4\n")
        of = bucket.source(path)
        assert data(of, DAY, NEXT) == [{"n": 1}, {"n": 2}, {"n": 3}]
        assert set(of.versions(window(DAY - dt.timedelta(days=40), NEXT))) == {DAY, NEXT}

    def test_a_run_leaves_neither_threads_nor_connections(self, bucket: Bucket, tmp_path: Path) -> None:
        bucket.put("in/2024-02-29.csv", "n\n1\n2\n")
        reach = "".join(f"option.{name} = {value}\n" for name, value in bucket.options.items())
        config = tmp_path / "monolith.ini"
        config.write_text(
            "[monolith]\ndatabase = sqlite:///archive.sqlite\nsince = 2024-02-29\nuntil = 2024-02-29\n"
            "[phase:extract]\nsources = shop\ntargets = lake\n"
            f"[source:shop]\nuse = files\npath = s3://{bucket.name}/in/%Y-%m-%d.csv\n{reach}"
            f"[target:lake]\nuse = files\npath = s3://{bucket.name}/out/{{source}}/%Y-%m-%d.jsonl\n{reach}"
        )
        before = set(threading.enumerate())
        for _ in range(2):
            done = CliRunner().invoke(extract, [str(config), "--force"])
            assert (done.exit_code, "has left" in done.stderr) == (0, False), done.output
        ours = {"fsspecIO", "files"}
        assert not [each for each in set(threading.enumerate()) - before if each.name in ours]
        assert bucket.keys() == {"in/2024-02-29.csv", "out/shop/2024-02-29.jsonl"}

    def test_a_file_that_is_missing_is_named_as_it_would_be_configured(self, bucket: Bucket) -> None:
        of = bucket.source("in/%Y-%m-%d.csv", missing="wait")
        assert notes(of)[DAY].deferred == f"waits for s3://{bucket.name}/in/2024-02-29.csv"
        of.close()

    def test_a_section_that_was_closed_opens_anew(self, bucket: Bucket) -> None:
        bucket.put("2024-02-29.csv", "n\n1\n")
        of = bucket.source("%Y-%m-%d.csv")
        for _ in range(2):
            assert data(of) == [{"n": 1}]
            of.close()

    def test_a_file_that_changed_has_another_version(self, bucket: Bucket) -> None:
        bucket.put("2024-02-29.csv", "n\n1\n")
        of = bucket.source("%Y-%m-%d.csv")
        first = of.versions(window(DAY, NEXT))
        assert first == {DAY: notes(of)[DAY].version}
        bucket.put("2024-02-29.csv", "n\n2\n")
        assert of.versions(window())[DAY] != first[DAY]
        bucket.put("2024-02-29.csv", "n\n1\n")  # the same content has the same ETag
        assert of.versions(window()) == first
        assert data(of) == [{"n": 1}]

    def test_a_year_of_folders_is_listed_with_one_request(self, bucket: Bucket) -> None:
        days = [DAY + dt.timedelta(days=number) for number in range(70)]
        for day in days:
            bucket.put(f"{day:%Y/%m/%d}/v.csv", "n\n1\n")
        assert len(bucket.source("%Y/%m/%d/v.csv").versions(window(days[0], days[-1]))) == 70

    @pytest.mark.parametrize("path", ["%Y-%m-%d.csv", "*-%Y-%m-%d.csv", "**/%Y-%m-%d.csv"])
    def test_a_bucket_that_is_not_there_has_no_files(self, bucket: Bucket, path: str) -> None:
        of = source(f"s3://no-{bucket.name}/{path}", option=bucket.options, missing="empty")
        assert data(of) == []

    def test_a_large_file_is_written_in_parts_and_appears_at_its_end(
        self, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        of = bucket.target("{source}/%Y-%m-%d.jsonl")
        answer = staged([{"n": n, "text": os.urandom(500).hex()} for n in range(100)])
        of.replace(answer.partition, answer)
        assert dict(of.digests(None)) == {SHOP: answer.digest}

        def lost(number: int) -> None:
            assert bucket.keys() == {"shop/2024-02-29.jsonl"}
            if number == 50:
                raise TemporaryError("lost")

        with pytest.raises(TemporaryError, match="lost"):
            of.replace(SHOP, staged([{"n": n} for n in range(100)], before=lost))
        assert dict(of.digests(None)) == {SHOP: answer.digest}
        assert bucket.keys() == {"shop/2024-02-29.jsonl"}

    def test_check(self, bucket: Bucket) -> None:
        assert bucket.target("out/{source}/%Y-%m-%d.jsonl").check() == (
            f"{bucket.name}/out is not there yet, the first run makes it"
        )
        bucket.put("in/2024-02-29.csv", "n\n1\n")
        of = bucket.source("in/%Y-%m-%d.csv", since="2024-02-28", until="2024-03-01")
        assert of.check() == (f"1 files of 2024-02-28 to 2024-03-01; {bucket.name}/in/2024-02-29.csv begins with n")


@pytest.mark.server
class TestS3Suite(TargetSuite):
    plugin = FilesTarget
    examples = 5

    @pytest.fixture
    def options(self, bucket):
        return {"path": f"s3://{bucket.name}/{{source}}/%Y/%m/%d.jsonl", "option": bucket.options}

    @pytest.fixture
    def unreachable(self):
        options = {"endpoint_url": "http://127.0.0.1:1", "key": "reader", "secret": "a-secret-word"}
        options["config_kwargs"] = '{"retries": {"max_attempts": 0}}'
        return {"path": "s3://bucket/{source}/%Y-%m-%d.jsonl", "option": options}


# --- HTTP


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A web server without directory listings, and its folder."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", tmp_path
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.server
def test_http(site: tuple[str, Path]) -> None:
    url, folder = site
    (folder / "2024-02-29.csv").write_text("n\n1\n2\n")
    of = source(f"{url}/%Y-%m-%d.csv", missing="empty")
    assert data(of, DAY - dt.timedelta(days=5), NEXT) == [{"n": 1}, {"n": 2}]
    with pytest.raises(PermanentError, match=f"there is no file {url}/2024-03-01.csv"):
        data(source(f"{url}/%Y-%m-%d.csv"), NEXT)


@pytest.mark.server
@pytest.mark.parametrize(
    ("status", "error"), [(500, TemporaryError), (503, TemporaryError), (401, PermanentError), (403, PermanentError)]
)
def test_an_error_of_a_server_is_not_an_absent_file(
    site: tuple[str, Path], monkeypatch: pytest.MonkeyPatch, status: int, error: type[Exception]
) -> None:
    def refuse(self: SimpleHTTPRequestHandler) -> None:
        self.send_error(status)

    monkeypatch.setattr(Quiet, "do_GET", refuse)
    monkeypatch.setattr(Quiet, "do_HEAD", refuse)
    with pytest.raises(error, match=rf"2024-02-29.csv: .*{status}"):
        data(source(f"{site[0]}/%Y-%m-%d.csv", missing="empty"))


@pytest.mark.server
@pytest.mark.parametrize("name", ["%Y-%m-%d.csv", "%Y-%m-%d*.csv", "**/%Y-%m-%d.csv"])
def test_a_server_that_does_not_answer_is_a_temporary_error(name: str) -> None:
    with pytest.raises(TemporaryError, match=r"127.0.0.1:1"):
        data(source(f"http://127.0.0.1:1/{name}", missing="empty"))
    options = {"endpoint_url": "http://127.0.0.1:1", "key": "reader", "secret": "a-secret-word"}
    options["config_kwargs"] = '{"retries": {"max_attempts": 0}}'
    with pytest.raises(TemporaryError, match=r"^bucket\S*: EndpointConnectionError: .*\*\*\*"):
        data(source(f"s3://bucket/{name}", missing="empty", option=options))


# --- a file system of fsspec's that is neither


class TestMemorySuite(TargetSuite):
    plugin = FilesTarget
    examples = 5

    @pytest.fixture
    def options(self):
        return {"path": f"memory://{uuid4().hex}/{{source}}/%Y-%m-%d.jsonl"}


class TestRenamingSuite(TargetSuite):
    """A place that is taken for a server that renames."""

    plugin = FilesTarget
    examples = 5

    @pytest.fixture
    def options(self, monkeypatch):
        monkeypatch.setattr("monolith_plugins_files.place._STORES", set())
        return {"path": f"memory://{uuid4().hex}/{{source}}/%Y-%m-%d.jsonl"}
