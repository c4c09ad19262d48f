"""What every test may use: real servers. Fixtures of one kind of test live in the folder of that kind."""

from __future__ import annotations

pytest_plugins = [
    f"tests.servers.{name}"
    for name in (
        "postgres",
        "postgres_15",
        "mariadb",
        "kafka",
        "rabbitmq",
        "mail",
        "redis",
        "search",
        "identity_provider",
    )
]
