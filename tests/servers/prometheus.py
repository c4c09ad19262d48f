"""A real Prometheus that scrapes what a test names, with the rules that are shipped."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from tests.faults.installation import until
from tests.servers.nginx import stop
from tests.servers.shared import ROOT, free_port, needed

RULES = ROOT / "deploy" / "monitoring" / "rules" / "openiwd.rules.yaml"


class Prometheus:
    """A running server, asked by its API."""

    def __init__(self, port: int) -> None:
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20, trust_env=False)

    def get(self, path: str, **parameters: str) -> Any:
        answer = self._http.get(f"/api/v1/{path}", params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def value(self, query: str) -> float | None:
        """Of a query that has one sample at most."""
        result = self.get("query", query=query)["result"]
        assert len(result) <= 1, result
        return float(result[0]["value"][1]) if result else None

    def is_ready(self) -> bool:
        with suppress(httpx.HTTPError):
            return self._http.get("/-/ready").status_code == 200
        return False

    def close(self) -> None:
        self._http.close()


@contextmanager
def prometheus(folder: Path, targets: Sequence[str], path: str = "/metrics") -> Iterator[Prometheus]:
    """Scrapes `host:port` targets every second."""
    program = needed("prometheus", "prometheus")
    folder.mkdir()
    port = free_port()
    configuration = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(RULES)],
        "scrape_configs": [
            {"job_name": "openiwd", "metrics_path": path, "static_configs": [{"targets": list(targets)}]}
        ],
    }
    (folder / "prometheus.yml").write_text(json.dumps(configuration))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                program, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    server = Prometheus(port)
    try:

        def ready() -> bool:
            assert process.poll() is None, (folder / "log").read_text()[-3_000:]
            return server.is_ready()

        until("Prometheus is ready", ready, 60)
        yield server
    finally:
        server.close()
        stop(process)
