"""A real Superset in its own venv: imports a bundle by its own command, answers on a loopback port, stopped by pid."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from tests.faults.installation import until
from tests.servers.nginx import stop
from tests.servers.shared import ROOT, free_port

PROGRAM = ROOT / ".tools" / "superset" / "bin" / "superset"
HOME = ROOT / ".tools" / "superset-home"
START_SECONDS = 180


class Superset:
    """A running Superset, asked by its API."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=60, trust_env=False)

    def is_ready(self) -> bool:
        with suppress(httpx.HTTPError):
            return self._http.get("/health").status_code == 200
        return False

    def log_in(self) -> None:
        given = {"username": "admin", "password": "admin", "provider": "db"}
        answer = self._http.post("/api/v1/security/login", json=given)
        assert answer.status_code == 200, answer.text
        self._http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def listed(self, kind: str) -> list[dict[str, Any]]:
        """All charts, dashboards or datasets."""
        answer = self._http.get(f"/api/v1/{kind}/", params={"q": "(page_size:100)"})
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["result"]
        return found

    def chart(self, number: int) -> dict[str, Any]:
        answer = self._http.get(f"/api/v1/chart/{number}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()["result"]
        return found

    def charts_of(self, dashboard: int) -> list[str]:
        answer = self._http.get(f"/api/v1/dashboard/{dashboard}/charts")
        assert answer.status_code == 200, answer.text
        return [c["slice_name"] for c in answer.json()["result"]]

    def rows(self, chart: int, period: str) -> list[dict[str, Any]]:
        """What a chart shows for a period, as its dashboard asks for it."""
        context = json.loads(self.chart(chart)["query_context"])
        for query in context["queries"]:
            for each in query["filters"]:
                if each["op"] == "TEMPORAL_RANGE":
                    each["val"] = period
        answer = self._http.post("/api/v1/chart/data", json=context)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["result"][0]["data"]
        return found

    def close(self) -> None:
        self._http.close()


@contextmanager
def superset(folder: Path, bundle: Path) -> Iterator[Superset]:
    """With the bundle imported. `make test-superset` has made what it starts from."""
    assert PROGRAM.exists(), "no Superset: run make test-superset"
    home = folder / "superset"
    home.mkdir()
    for name in ("superset_config.py", "metadata.db"):
        shutil.copy(HOME / name, home / name)
    environment = {
        **os.environ, "SUPERSET_HOME": str(home), "SUPERSET_CONFIG_PATH": str(home / "superset_config.py"),
        "PYTHONWARNINGS": "ignore", "FLASK_APP": "superset.app:create_app()",
    }  # fmt: skip
    imported = subprocess.run(
        [PROGRAM, "import-dashboards", "--path", bundle, "--username", "admin"],
        env=environment, cwd=home, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert imported.returncode == 0, imported.stderr[-6_000:]
    port = free_port()
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [PROGRAM, "run", "--host", "127.0.0.1", "--port", str(port), "--with-threads"],
            env=environment, cwd=home, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    server = Superset(f"http://127.0.0.1:{port}")
    try:

        def ready() -> bool:
            assert process.poll() is None, (home / "log").read_text()[-3_000:]
            return server.is_ready()

        until("Superset is ready", ready, START_SECONDS)
        server.log_in()
        yield server
    finally:
        server.close()
        stop(process)
