"""The queries of mail use their indexes, however much mail there is."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from openiwd.adapters.postgres.connection import Connection, open_connection
from openiwd.adapters.postgres.email_reading import EMAIL_SQL


@pytest.fixture
async def connection(tenant_database: str) -> AsyncIterator[Connection]:
    opened = await open_connection(tenant_database)
    await opened.execute(
        "INSERT INTO email_content SELECT int4send(n), 0, '' FROM generate_series(0, 20000) n;"
        "INSERT INTO email (id, mailbox_id, direction, kind, state, at, message_id, subject, text_new, size, sha256)"
        " SELECT gen_random_uuid(), 'box' || n % 20, CASE WHEN n % 2 = 0 THEN 'out' ELSE 'in' END, 'x',"
        " CASE WHEN n % 2 = 1 THEN 'stored' WHEN n % 1000 = 0 THEN 'queued' WHEN n % 1000 = 2 THEN 'unknown'"
        " ELSE 'sent' END, now() - make_interval(secs => n), n || '@example.org', 's', 't', 1, int4send(n)"
        " FROM generate_series(1, 20000) n;"
        "ANALYZE email"
    )
    yield opened
    await opened.close()


async def _indexes(connection: Connection, query: str, *arguments: Any) -> set[str]:
    text = await connection.fetchval(f"EXPLAIN (FORMAT json) {EMAIL_SQL[query]}", *arguments)
    used: set[str] = set()
    ahead = [json.loads(text)[0]["Plan"]]
    while ahead:
        node = ahead.pop()
        assert node["Node Type"] != "Seq Scan" or node["Relation Name"] != "email", text
        used |= {node["Index Name"]} if "Index Name" in node else set()
        ahead += node.get("Plans", [])
    return used


async def test_hot_queries_use_their_indexes(connection: Connection) -> None:
    now = await connection.fetchval("SELECT now()")
    assert await _indexes(connection, "outbound_emails", "box0", 1, now, 50) == {"email_outbound"}
    assert await _indexes(connection, "known_by_message_id", ["5@example.org"]) == {"email_message_id"}
    assert await _indexes(connection, "known_by_id", [uuid4()]) == {"email_pkey"}
    assert "email_once" in await _indexes(connection, "inbound_email", "box1", b"x", "1@example.org")
    assert await _indexes(connection, "emails_aside", "unknown", 200) == {"email_aside"}
