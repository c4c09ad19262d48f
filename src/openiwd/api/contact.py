"""Contacts: whom items are about. Read only here; they come into being with items."""

from __future__ import annotations

from typing import Annotated, Any, Final
from uuid import UUID

from litestar import get
from litestar.params import FromPath, QueryParameter
from msgspec import Struct

from openiwd.api.call import CurrentCall
from openiwd.domain.errors import NotFoundError
from openiwd.ports.tenant_store import Contact


class Contacts(Struct, rename="camel"):
    """A page of contacts; go on with `?after=` the value of `nextAfter`."""

    contacts: list[Contact]
    next_after: UUID | None


@get("/contacts", tags=["contacts"], operation_id="listContacts")
async def list_contacts(
    call: CurrentCall,
    text: Annotated[
        str | None,
        QueryParameter(name="text", max_length=200, description="In customerId or name, or a whole address."),
    ] = None,
    after: Annotated[UUID | None, QueryParameter(name="after")] = None,
    limit: Annotated[int, QueryParameter(name="limit", ge=1, le=1_000)] = 100,
) -> Contacts:
    """Contacts, all or those that a text fits."""
    async with call.services.runtime.store.reading() as reading:
        found = await reading.contacts(text, after, limit)
    return Contacts(found, found[-1].id if len(found) == limit else None)


@get("/contacts/{contact_id:uuid}", tags=["contacts"], operation_id="getContact")
async def get_contact(call: CurrentCall, contact_id: FromPath[UUID]) -> Contact:
    """One contact."""
    async with call.services.runtime.store.reading() as reading:
        found = await reading.contact(contact_id)
    if found is None:
        raise NotFoundError(f"there is no contact {contact_id}", field="id")
    return found


HANDLERS: Final[list[Any]] = [list_contacts, get_contact]
