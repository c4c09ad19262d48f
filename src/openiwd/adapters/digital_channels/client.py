"""Digital Channels: the settings of a contact center, and API keys made for a tenant. Asks with a token of GWS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote

from openiwd.ports.digital_channels import ApiKeyMade, Asking, TenantSetting
from openiwd.ports.external_router import RouterAwayError

API_KEYS: Final = "/nexus/v3/apikeys"


class DigitalChannelsClient:
    """Implements `openiwd.ports.digital_channels.DigitalChannels`. `asking` sends, with token, repeats and breaker."""

    def __init__(self, asking: Asking, nexus: str, environment: str) -> None:
        self._asking = asking
        self._nexus = nexus.rstrip("/")
        self._environment = environment.rstrip("/")

    async def settings(self, contact_center_id: str) -> Sequence[TenantSetting]:
        url = (
            f"{self._environment}/environment/v3/contact-centers/{quote(contact_center_id, safe='')}/settings"
        )
        body = await self._asking.json("GET", url, None)
        return [s for s in (_setting(one) for one in _listed(body)) if s is not None]

    async def make_api_key(self, tenant: str, name: str, permissions: Sequence[str]) -> ApiKeyMade:
        wanted = {"enabled": True, "tenant": tenant, "name": name, "permissions": list(permissions)}
        body = await self._asking.json("POST", self._nexus + API_KEYS, {"data": wanted})
        data = body.get("data") if isinstance(body, dict) else None
        told = data if isinstance(data, dict) else body if isinstance(body, dict) else {}
        key = next((told[n] for n in ("apiKey", "apikey", "key", "id") if told.get(n)), None)
        if not isinstance(key, str):
            raise RouterAwayError("the answer has no key")
        return ApiKeyMade(key=key, name=str(told.get("name") or name))


def _listed(body: Any) -> list[Any]:
    """The settings within an answer: a list, bare or as `data`, or `data.settings`."""
    found = body
    for name in ("data", "settings"):
        if isinstance(found, dict) and name in found:
            found = found[name]
    return found if isinstance(found, list) else []


def _setting(one: Any) -> TenantSetting | None:
    if not isinstance(one, dict) or not isinstance(one.get("name"), str):
        return None
    return TenantSetting(
        location=str(one.get("location") or "/"),
        name=one["name"],
        shared=bool(one.get("shared", False)),
        value=one.get("value"),
    )
