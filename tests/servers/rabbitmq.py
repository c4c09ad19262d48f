"""A real RabbitMQ from Debian, one for a whole test run: own node name, folders and ports, and an epmd of its own."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.servers.shared import Starting, answers, free_port, needed, shared

PACKAGE = "rabbitmq-server"
PROGRAMS = Path("/usr/lib/rabbitmq/lib")


def _program() -> Path:
    found = sorted(PROGRAMS.glob("rabbitmq_server-*/sbin/rabbitmq-server"))
    if not found:
        if os.environ.get("CI") == "true":
            pytest.fail(f"RabbitMQ is missing: apt-get install {PACKAGE}")
        pytest.skip(f"RabbitMQ is not installed (Debian: {PACKAGE})")
    return found[-1]


def start(starting: Starting) -> dict[str, Any]:
    folder, port, names, between = starting.folder, free_port(), free_port(), free_port()
    environment = {
        "HOME": str(folder),
        "ERL_EPMD_PORT": str(names),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": f"iwd{uuid.uuid4().hex[:8]}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(between),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "logs"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none",
    }
    (folder / "rabbitmq.conf").write_text(
        "loopback_users = none\nvm_memory_high_watermark.absolute = 300MB\n"
    )
    (folder / "plugins").write_text("[].\n")
    # Ours, so that no daemon stays behind when the run ends.
    epmd = starting.spawn(["epmd", "-port", str(names), "-address", "127.0.0.1"], "epmd.log", environment)
    starting.wait(epmd, lambda: answers(names), "epmd.log")
    process = starting.spawn([_program()], "log", environment)
    starting.wait(process, lambda: answers(port), "log")
    return {"url": f"amqp://guest@127.0.0.1:{port}/"}


@pytest.fixture
def rabbitmq_url() -> str:
    """URL of the broker of this run, without the password (which is guest)."""
    _program()
    needed("epmd", "erlang-base")
    return str(shared("rabbitmq", start)["url"])
