"""Real search servers, Elasticsearch and OpenSearch, each one for a whole test run, from what `.ci/search` puts into
`.tools/search`. Both refuse to run as root: then they run as nobody.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.servers.shared import ROOT, Starting, free_port, needed, shared

SERVERS = ROOT / ".tools" / "search"
START_SECONDS = 600.0
PRODUCTS = ("opensearch", "elasticsearch")
SETTINGS = """
cluster.name: openiwd-tests
node.name: one
network.host: 127.0.0.1
http.port: {http}
transport.port: {transport}
discovery.type: single-node
path.data: {folder}/data
path.logs: {folder}/logs
cluster.routing.allocation.disk.threshold_enabled: false
action.auto_create_index: true
node.processors: 1
"""
OF_ELASTICSEARCH = """
xpack.security.enabled: false
"""
JVM = """
-Xms{heap}
-Xmx{heap}
-XX:+UseSerialGC
-XX:TieredStopAtLevel=1
-Xshare:auto
-XX:-UsePerfData
-Djava.io.tmpdir={folder}/tmp
-Dlog4j2.disable.jmx=true
"""


class SearchServerUrl(NamedTuple):
    """A running server."""

    product: str
    url: str
    pid: int


def _as_nobody() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _program(product: str, folder: Path) -> Path:
    """Where it is, or a copy, where nobody may not go there."""
    program = SERVERS / product
    if os.geteuid() != 0 or all(p.stat().st_mode & 0o001 for p in (program, *program.parents)):
        return program
    return Path(shutil.copytree(program, folder / "program"))


def begin(product: str, starting: Starting, heap: str = "256m") -> dict[str, Any]:
    """Where it answers and its process id, once it does."""
    folder, http, transport = starting.folder, free_port(), free_port()
    if os.geteuid() == 0:
        folder.parent.chmod(0o711)
    program = _program(product, folder)
    shutil.copytree(program / "config", folder / "config")
    settings = SETTINGS.format(folder=folder, http=http, transport=transport)
    settings += OF_ELASTICSEARCH if product == "elasticsearch" else ""
    (folder / "config" / f"{product}.yml").write_text(settings)
    (folder / "config" / "jvm.options").write_text(JVM.format(folder=folder, heap=heap))
    (folder / "tmp").mkdir()
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        for path in (folder, *folder.rglob("*")):
            os.chown(path, nobody.pw_uid, nobody.pw_gid)
    java_home = Path(needed("java", "default-jre-headless")).resolve().parents[1]
    prefix = "ES" if product == "elasticsearch" else "OPENSEARCH"
    environment = {
        f"{prefix}_JAVA_HOME": str(java_home),
        f"{prefix}_PATH_CONF": str(folder / "config"),
        f"{prefix}_TMPDIR": str(folder / "tmp"),
        "CLI_JAVA_OPTS": "-Xmx64m -XX:+UseSerialGC -XX:TieredStopAtLevel=1",
        "HOME": str(folder),
    }
    return start(program / "bin" / product, f"http://127.0.0.1:{http}", starting, environment)


def start(program: Path, url: str, starting: Starting, environment: dict[str, str]) -> dict[str, Any]:
    """Begins a server whose folder is made; it may have been there before."""
    process = starting.spawn([program], "log", environment, **_as_nobody())
    starting.wait(process, lambda: _is_up(url), "log", START_SECONDS)
    return {"url": url, "pid": process.pid, "program": str(program), "environment": environment}


class OwnSearch:
    """A server of one test, killed and started again at the same port, on the data that it had."""

    def __init__(self, folder: Path) -> None:
        (folder / "own").mkdir()
        self._starting = Starting(folder / "own", folder / "pids")
        self._told = begin("opensearch", self._starting)
        self.url: str = self._told["url"]

    def start(self) -> None:
        told = self._told
        self._told = start(Path(told["program"]), self.url, self._starting, told["environment"])

    def kill(self) -> None:
        """At once, frozen or not; may be repeated."""
        with suppress(ProcessLookupError, ChildProcessError):
            os.kill(self._told["pid"], signal.SIGKILL)
            os.waitpid(self._told["pid"], 0)

    def freeze(self) -> None:
        os.kill(self._told["pid"], signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self._told["pid"], signal.SIGCONT)

    def count(self) -> int:
        """Documents that searches see, without the one that holds the place in the log."""
        address = f"{self.url}/_all/_count?q=_exists_:number"
        with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 - loopback
            return int(json.load(answer)["count"])


@contextmanager
def own_search(folder: Path) -> Iterator[OwnSearch]:
    """To be killed and started again; without its files skipped on a laptop, failed in CI."""
    check_files("opensearch")
    server = OwnSearch(folder)
    try:
        yield server
    finally:
        server.kill()


def _is_up(url: str) -> bool:
    with urllib.request.urlopen(f"{url}/_cluster/health?timeout=1s", timeout=5) as answer:  # noqa: S310 - loopback
        return bool(answer.status == 200)


def running(product: str) -> SearchServerUrl:
    """The server of this run; without its files the test is skipped on a laptop, and fails in CI."""
    check_files(product)
    told = shared(product, lambda starting: begin(product, starting))
    return SearchServerUrl(product, told["url"], told["pid"])


def check_files(product: str) -> None:
    """Skips on a laptop, fails in CI where the product is not there."""
    needed("java", "default-jre-headless")
    if not (SERVERS / product / "bin" / product).is_file():
        if os.environ.get("CI") == "true":
            pytest.fail(f"{product} is missing: run .ci/search")
        pytest.skip(f"{product} is not there: run .ci/search")


@pytest.fixture(params=PRODUCTS)
def search_server_url(request: pytest.FixtureRequest) -> SearchServerUrl:
    """Each product in turn."""
    return running(request.param)


@pytest.fixture
def opensearch_url() -> SearchServerUrl:
    """Where one product is as good as the other."""
    return running("opensearch")
