"""What every test may use: real servers. Fixtures of one kind of test live in the folder of that kind."""

from __future__ import annotations

import gc

from hypothesis import HealthCheck, settings

pytest_plugins = [
    f"tests.servers.{name}"
    for name in (
        "postgres",
        "postgres_15",
        "prepared",
        "mariadb",
        "kafka",
        "rabbitmq",
        "mail",
        "redis",
        "search",
        "identity_provider",
    )
]

# How fast a machine is, and what else it does, is no property of the code under test.
settings.register_profile(
    "any machine", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


def pytest_collection_finish() -> None:
    """All modules and tests are there to stay: the collector is not to walk through them again and again."""
    gc.collect()
    gc.freeze()
