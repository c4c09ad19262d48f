"""Needs: Digital Channels, where a tenant has settings and API keys of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from msgspec import Struct


class TenantSetting(Struct, frozen=True, kw_only=True, rename="camel"):
    """One setting of a contact center."""

    location: str
    name: str
    shared: bool
    value: Any


class ApiKeyMade(Struct, frozen=True, kw_only=True):
    """A key of Digital Channels, told this once."""

    key: str
    name: str


class Asking(Protocol):
    """Sends authorised requests."""

    async def json(self, method: str, url: str, body: Any) -> Any:
        """The answer's JSON. RouterAwayError, RouterRefusedError."""
        ...


class DigitalChannels(Protocol):
    """Raises RouterAwayError and RouterRefusedError, as the external router does: it is let in the same way."""

    async def settings(self, contact_center_id: str) -> Sequence[TenantSetting]: ...
    async def make_api_key(self, tenant: str, name: str, permissions: Sequence[str]) -> ApiKeyMade: ...
