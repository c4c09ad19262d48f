"""Needs: an external router that gives items to agents of its own. Whatever it is asked may get no answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from msgspec import Struct

from openiwd.domain.errors import InvalidInputError, UnavailableError
from openiwd.domain.routing import RemoteState


class RouterAwayError(UnavailableError):
    """There was no answer, or none that says what became of the request: it may have been carried out.

    `details["retry_after"]`: seconds for which the router is to be left alone.
    """

    code = "routerAway"


class RouterRefusedError(InvalidInputError):
    """The router has understood the request and will not carry it out, however often it is asked."""

    code = "routerRefused"


class Interaction(Struct, frozen=True, kw_only=True):
    """A submission as the router has it."""

    id: str
    external_id: str | None = None
    state: RemoteState
    state_text: str | None = None
    assigned_to: str | None = None
    queue: str | None = None


class Handed(Struct, frozen=True, kw_only=True):
    """What the router answered to a submission. Without an id it has only promised to take it."""

    interaction_id: str | None = None
    existed: bool = False
    """It had a submission of that external id already."""


class ExternalRouter(Protocol):
    """One connection to the router of one tenant. Raises RouterAwayError, and RouterRefusedError where told so."""

    async def submit(
        self, service: str, external_id: str, received_at: datetime, user_data: Mapping[str, Any]
    ) -> Handed:
        """Hands an item over. RouterRefusedError: never with this content."""
        ...

    async def find(self, service: str, external_id: str) -> Interaction | None:
        """What the router has of that external id; None when it knows nothing of it."""
        ...

    async def stop(self, interaction_id: str, operation_id: str, *, completed: bool) -> None:
        """Asks for the interaction to be taken out. That it is done is only known by asking for it."""
        ...

    async def listed(self, condition: str) -> Sequence[Interaction]:
        """All open interactions that fulfil a condition, page by page, as of one moment."""
        ...

    async def check(self) -> str:
        """That it can be reached and lets us in; who we are there."""
        ...

    async def close(self) -> None: ...
