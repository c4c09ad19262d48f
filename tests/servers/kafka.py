"""A real broker of Kafka (KRaft), one for a whole test run, from the jars that `.ci/kafka` puts into `.tools/kafka`."""

from __future__ import annotations

import os
import subprocess
from typing import Any

import pytest

from tests.servers.shared import ROOT, Starting, answers, free_port, needed, shared

JARS = ROOT / ".tools" / "kafka" / "jars"
CLUSTER_ID = "openiwdTestsAAAAAAAAAA"
SETTINGS = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{broker}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={folder}/logs
num.partitions=2
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
log.cleaner.enable=false
auto.create.topics.enable=true
num.network.threads=2
num.io.threads=2
background.threads=2
"""


def java(*arguments: str) -> list[str]:
    heap = ["-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]
    return [needed("java", "default-jre-headless"), *heap, "-cp", f"{JARS}/*", *arguments]


def start(starting: Starting) -> dict[str, Any]:
    folder, broker, controller = starting.folder, free_port(), free_port()
    settings = folder / "server.properties"
    settings.write_text(SETTINGS.format(folder=folder, broker=broker, controller=controller))
    formatted = subprocess.run(
        java("kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(settings)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert formatted.returncode == 0, formatted.stdout + formatted.stderr
    process = starting.spawn([*java("kafka.Kafka", str(settings))], "log")
    starting.wait(process, lambda: answers(broker), "log")
    return {"servers": [f"127.0.0.1:{broker}"]}


@pytest.fixture
def kafka_servers() -> list[str]:
    """Where the broker of this run answers."""
    needed("java", "default-jre-headless")
    if not JARS.is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail("the jars of Kafka are missing: run .ci/kafka")
        pytest.skip("the jars of Kafka are not there: run .ci/kafka")
    return list(shared("kafka", start)["servers"])
