"""Hold reasons: why items are set aside, and whether their clock stands still meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta, Struct


class HoldReason(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    id: Annotated[str, Meta(min_length=1, max_length=64)]
    name: Annotated[str, Meta(min_length=1, max_length=200)]
    pauses_clock: bool = False
    """Whether the age, and a due date made by schema or rule, stand still while held for this reason."""
    active: bool = True


DEFAULT_HOLD_REASONS = (
    HoldReason("waitingForCustomer", "Waiting for the customer", pauses_clock=True),
    HoldReason("waitingForDocuments", "Waiting for documents", pauses_clock=True),
    HoldReason("waitingForThirdParty", "Waiting for a third party"),
    HoldReason("review", "In review"),
    HoldReason("other", "Other reason"),
)


def with_defaults(stored: Mapping[str, HoldReason]) -> dict[str, HoldReason]:
    """All hold reasons of a tenant: the product's, replaced where the tenant has one of the same id, and its own."""
    return {r.id: r for r in DEFAULT_HOLD_REASONS} | dict(stored)
