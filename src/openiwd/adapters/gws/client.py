"""Open media interactions of Digital Channels, and their supervision by the Workspace API: documented calls only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote
from uuid import uuid4

from openiwd.adapters.gws.notification import Notifications
from openiwd.adapters.gws.session import ACCEPTED, GwsSession, Told
from openiwd.adapters.gws.token import USER_INFO
from openiwd.domain.gws import GwsSettings
from openiwd.domain.routing import RemoteState, remote_state
from openiwd.ports.external_router import Handed, Interaction, RouterAwayError, RouterRefusedError
from openiwd.ports.outbound import Outbound

MEDIA_MANAGEMENT: Final = "/workspace/v3/media-management"
PAGE: Final = 100
MOST_PAGES: Final = 200


class GwsClient:
    """Implements `openiwd.ports.external_router.ExternalRouter`."""

    def __init__(self, outbound: Outbound, settings: GwsSettings) -> None:
        self._settings = settings
        self.session = GwsSession(outbound, settings)
        self._notifications = Notifications(self.session)

    async def submit(
        self, service: str, external_id: str, received_at: datetime, user_data: Mapping[str, Any]
    ) -> Handed:
        data = {
            "externalId": external_id,
            "receivedAt": received_at.astimezone(UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z"),
            "userData": dict(user_data),
        }
        try:
            told = await self.session.send("POST", self._interactions(service), {"data": data}, bearer=False)
        except RouterRefusedError as error:
            status = error.details.get("status")
            if status == 409:
                return Handed(existed=True)
            if status == 404:  # a fault of the configuration, not of the item
                raise RouterAwayError(
                    f"there is no open media service '{service}': {error.message}",
                    code="noService",
                    retry_after=30.0,
                ) from error
            raise
        return Handed(interaction_id=None if told is None else _id_of(told.body))

    async def find(self, service: str, external_id: str) -> Interaction | None:
        url = f"{self._interactions(service)}/ext_{quote(external_id, safe='')}"
        told = await self.session.read(url, bearer=False, missing=True)
        if told is None:
            return None
        found = _interaction(told.body)
        if found is None:
            raise RouterAwayError("the answer names no interaction")
        return found

    async def stop(self, interaction_id: str, operation_id: str, *, completed: bool) -> None:
        act = "complete" if completed else "cancel"
        body = {"data": {"interactions": [interaction_id]}, "operationId": operation_id}
        await self.session.send(
            "POST", f"{self._settings.workspace}{MEDIA_MANAGEMENT}/{act}", body, bearer=True
        )

    async def listed(self, condition: str) -> Sequence[Interaction]:
        """The pages come with the answer, or as notifications where the answer only says that they will."""
        first = await self._page("get-snapshot", {"condition": condition})
        snapshot = str(first.get("snapshotId") or "")
        found = _interactions_of(first)
        total = _whole(first.get("numberOfInteractions"), len(found))
        try:
            for _ in range(MOST_PAGES):
                if not snapshot or len(found) >= total:
                    break
                more = _interactions_of(
                    await self._page(f"{quote(snapshot, safe='')}/get-snapshot-content", {}, len(found))
                )
                if not more:
                    break
                found += more
        finally:
            if snapshot:
                await self._release(snapshot)
        return list({one.id: one for one in found}.values())

    async def _page(self, act: str, data: dict[str, Any], start: int = 0) -> dict[str, Any]:
        operation = str(uuid4())
        body = {"data": {**data, "startIndex": start, "size": PAGE}, "operationId": operation}
        async with self._notifications.expecting(operation) as expected:
            told = await self.session.send(
                "POST", f"{self._settings.workspace}{MEDIA_MANAGEMENT}/{act}", body, bearer=True
            )
            if told is not None and (told.data or told.code != ACCEPTED):
                return told.data
            return await expected.message("SnapshotContent")

    async def _release(self, snapshot: str) -> None:
        url = f"{self._settings.workspace}{MEDIA_MANAGEMENT}/{quote(snapshot, safe='')}/release-snapshot"
        try:
            await self.session.send("POST", url, {"data": {}, "operationId": str(uuid4())}, bearer=True)
        except (RouterAwayError, RouterRefusedError):
            return  # the service forgets it by itself

    async def check(self) -> str:
        told = await self.session.send(
            "GET", f"{self._settings.auth_url.rstrip('/')}{USER_INFO}", None, bearer=True
        )
        return "" if told is None else _name_of(told)

    async def close(self) -> None:
        await self._notifications.close()

    def _interactions(self, service: str) -> str:
        return f"{self._settings.nexus}/nexus/v3/openmedia/{quote(service, safe='')}/interactions"


def _name_of(told: Told) -> str:
    return next(
        (str(told.body[n]) for n in ("user_name", "userName", "sub", "loginName") if told.body.get(n)), ""
    )


def _whole(value: Any, otherwise: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else otherwise


def _inner(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The interaction within an answer: `{data:{…}}`, `{data:{interaction:{…}}}` or bare."""
    found: Mapping[str, Any] = body
    for name in ("data", "interaction"):
        inner = found.get(name)
        if isinstance(inner, Mapping):
            found = inner
    return found


def _id_of(body: Mapping[str, Any]) -> str | None:
    inner = _inner(body)
    found = inner.get("id") or inner.get("interactionId")
    return str(found) if isinstance(found, str | int) and found else None


def _interaction(body: Mapping[str, Any]) -> Interaction | None:
    inner, interaction_id = _inner(body), _id_of(body)
    if interaction_id is None:
        return None
    text = inner.get("state")
    state = remote_state(text if isinstance(text, str) else None)
    if state is RemoteState.UNKNOWN:
        text = inner.get("workflowState") or text
        state = remote_state(text if isinstance(text, str) else None)
    assigned = inner.get("assignedTo") or inner.get("agentId")
    external = inner.get("externalId") or _user_data(inner.get("userData"), "ExternalId")
    queue = inner.get("queue")
    return Interaction(
        id=interaction_id,
        external_id=str(external) if external else None,
        state=state,
        state_text=text if isinstance(text, str) else None,
        assigned_to=str(assigned) if assigned else None,
        queue=queue if isinstance(queue, str) else None,
    )


def _user_data(data: Any, key: str) -> Any:
    """User data are pairs, or an object."""
    if isinstance(data, Mapping):
        return data.get(key)
    pairs = data if isinstance(data, list) else []
    return next((p.get("value") for p in pairs if isinstance(p, Mapping) and p.get("key") == key), None)


def _interactions_of(page: Mapping[str, Any]) -> list[Interaction]:
    listed = page.get("interactions")
    found = (
        [_interaction(one) for one in listed if isinstance(one, Mapping)] if isinstance(listed, list) else []
    )
    return [one for one in found if one is not None]
