"""A real nginx with the configuration that is shipped; only where its pods are and its ports are the test's."""

from __future__ import annotations

import os
import ssl
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from tests.faults.installation import until
from tests.servers.certificate import make_certificate
from tests.servers.shared import ROOT, answers, free_port, needed

SHIPPED = ROOT / "deploy" / "gateway"
PODS = """\
client_body_temp_path {folder}/body;
proxy_temp_path {folder}/proxy;
fastcgi_temp_path {folder}/fastcgi;
uwsgi_temp_path {folder}/uwsgi;
scgi_temp_path {folder}/scgi;
upstream openiwd {{
    zone openiwd 64k;
    least_conn;
{servers}
    keepalive 64;
    keepalive_timeout {idle};
}}
"""
LISTEN = """\
listen 127.0.0.1:{port} ssl http2;
listen 127.0.0.1:{inside};
server_name localhost;
ssl_certificate {folder}/tls.crt;
ssl_certificate_key {folder}/tls.key;
access_log {folder}/access.log openiwd;
"""


class Gateway:
    """A running nginx."""

    def __init__(self, folder: Path, port: int, inside: int) -> None:
        self.folder = folder
        self.inside_url = f"http://127.0.0.1:{inside}"
        """Without TLS, as pods reach each other by the service."""
        self.url = f"https://localhost:{port}"
        self.context = ssl.create_default_context(cafile=str(folder / "tls.crt"))

    def log(self) -> str:
        return (self.folder / "access.log").read_text() + (self.folder / "error.log").read_text()


@contextmanager
def gateway(folder: Path, pods: Sequence[str], idle: str = "4s") -> Iterator[Gateway]:
    """In front of these URLs; `idle`: for how long a connection to a pod is kept that is not in use."""
    program = needed("nginx", "nginx")
    folder.mkdir()
    port, inside = free_port(), free_port()
    make_certificate(folder)
    servers = "\n".join(f"    server {urlsplit(url).netloc} max_fails=1 fail_timeout=1s;" for url in pods)
    (folder / "nginx.conf").write_text((SHIPPED / "nginx.conf").read_text())
    (folder / "pods.conf").write_text(PODS.format(folder=folder, servers=servers, idle=idle))
    (folder / "listen.conf").write_text(LISTEN.format(folder=folder, port=port, inside=inside))
    account = "user root;" if os.geteuid() == 0 else ""
    with (folder / "stderr").open("wb") as complaints:
        process = subprocess.Popen(
            [
                program, "-p", f"{folder}/", "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log"),
                "-g", f"daemon off; pid {folder}/pid; {account}",
            ],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=complaints, start_new_session=True,
        )  # fmt: skip
    try:

        def ready() -> bool:
            assert process.poll() is None, (folder / "stderr").read_text()
            with suppress(OSError):
                return answers(port)
            return False

        until("nginx listens", ready)
        yield Gateway(folder, port, inside)
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """The server and what it has started, by their pids."""
    with suppress(psutil.NoSuchProcess):
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        for each in family:
            with suppress(psutil.NoSuchProcess):
                each.terminate()
        _, left = psutil.wait_procs(family[1:], timeout=10)
        for each in left:
            each.kill()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
