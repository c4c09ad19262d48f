"""A real server whose whole OpenAPI is tried."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from openiwd.domain.privilege import Role
from tests.browser.site import Site
from tests.fuzz.trial import Trial
from tests.servers.postgres import PostgresServer


@pytest.fixture(scope="module")
def trial(postgres_server: PostgresServer) -> Iterator[Trial]:
    """With a key of an administrator who is an agent as well, so that every route lets it in."""
    site = Site(postgres_server)
    secret, _ = site.run(
        site.platform.identities.create_key(
            uuid4(), "main", "fuzz", role=Role.ADMINISTRATOR, agent_id="rossi", privileges=["email.service"]
        )
    )
    yield Trial(site.url, secret)
    site.close()
