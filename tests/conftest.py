"""What every test may use: real servers. Fixtures of one kind of test live in the folder of that kind."""

from __future__ import annotations

pytest_plugins = ["tests.servers.mail", "tests.servers.postgres", "tests.servers.postgres_15"]
