"""The work item: its state, what a source may submit, and the limits of both. Pure values."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, NewType
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from openiwd.domain.errors import InvalidInputError, TooLargeError
from openiwd.domain.requirement import Requirement

ItemId = NewType("ItemId", UUID)
ItemNumber = NewType("ItemNumber", int)
"""Dense number of the item in its tenant's database; the backlog index is built on it."""

MAX_ITEM_BYTES = 64 * 1024
MAX_DATA_BYTES = 32 * 1024
MAX_BATCH_ITEMS = 1_000
MAX_BATCH_BYTES = 8 * 1024 * 1024
MAX_YEARS = 10
MAX_DATA_DEPTH = 32
DEFAULT_EXPIRATION_DAYS = 400


class Status(StrEnum):
    NEW = "new"
    CAPTURED = "captured"
    QUEUED = "queued"
    ASSIGNED = "assigned"
    HELD = "held"
    ERRORHELD = "errorheld"
    COMPLETED = "completed"
    CANCELED = "canceled"
    REJECTED = "rejected"

    @property
    def is_final(self) -> bool:
        return self in FINAL

    @property
    def is_held(self) -> bool:
        return self in HELD_CLASS


FINAL = frozenset({Status.COMPLETED, Status.CANCELED, Status.REJECTED})
HELD_CLASS = frozenset({Status.HELD, Status.ERRORHELD})
OPEN = frozenset(Status) - FINAL


class DueOrigin(StrEnum):
    SOURCE = "source"
    RULE = "rule"
    SCHEMA = "schema"


Integer = Annotated[int, Meta(ge=-2_147_483_648, le=2_147_483_647)]
ShortText = Annotated[str, Meta(max_length=512)]
LongText = Annotated[str, Meta(max_length=32_000)]
CaptureId = Annotated[str, Meta(min_length=1, max_length=256)]
Name = Annotated[str, Meta(min_length=1, max_length=64)]
AwareDateTime = Annotated[datetime, Meta(tz=True)]
Tag = Annotated[str, Meta(min_length=1, max_length=64)]


class Ext(Struct, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """The extended attributes that every item may carry (field names of the reference product)."""

    customer_id: ShortText | None = None
    customer_segment: ShortText | None = None
    product_type: ShortText | None = None
    product_subtype: ShortText | None = None
    requested_agent: ShortText | None = None
    requested_agent_group: ShortText | None = None
    requested_place_group: ShortText | None = None
    requested_skill: ShortText | list[ShortText] | None = None
    result_code: ShortText | None = None
    source_created_date_time: AwareDateTime | None = None
    source_due_date_time: AwareDateTime | None = None
    source_first_created_date_time: AwareDateTime | None = None
    source_process_type: ShortText | None = None
    source_process_subtype: ShortText | None = None
    source_tenant: ShortText | None = None


class ContactInput(Struct, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """Who the item is about, as the source knows them."""

    customer_id: ShortText | None = None
    name: ShortText | None = None
    emails: list[ShortText] = []
    phones: list[ShortText] = []
    language: Annotated[str, Meta(max_length=35)] | None = None


class ItemSubmission(Struct, rename="camel", forbid_unknown_fields=True):
    """A new item as a source system hands it over. Dates carry an offset; limits are documented in the API."""

    capture_id: CaptureId
    capture_point: Name = "rest"
    media_type: Name = "workitem"
    channel: ShortText | None = None
    category: ShortText | None = None
    business_value: Integer | None = None
    priority: int | Annotated[str, Meta(pattern=r"^[+-]\d{1,9}$")] | None = None
    priority_fixed: Integer | None = None
    priority_adjustment: Integer | None = None
    activation_date_time: AwareDateTime | None = None
    due_date_time: AwareDateTime | None = None
    expiration_date_time: AwareDateTime | None = None
    created_date_time: AwareDateTime | None = None
    subject: ShortText | None = None
    description: LongText | None = None
    source_url: Annotated[str, Meta(max_length=2_000, pattern=r"^https?://")] | None = None
    contact: ContactInput | None = None
    ext: Ext | None = None
    data: dict[str, Any] | None = None
    tags: Annotated[list[Tag], Meta(max_length=32)] = []


class ItemUpdate(Struct, rename="camel", forbid_unknown_fields=True):
    """A change by the source or a person: absent = unchanged, null = cleared. `ext` and `data` merge by key."""

    category: ShortText | UnsetType | None = UNSET
    channel: ShortText | UnsetType | None = UNSET
    business_value: Integer | UnsetType | None = UNSET
    priority: int | float | str | UnsetType | None = UNSET
    priority_at: AwareDateTime | UnsetType | None = UNSET
    priority_fixed: Integer | UnsetType | None = UNSET
    priority_adjustment: Integer | UnsetType | None = UNSET
    activation_date_time: AwareDateTime | UnsetType | None = UNSET
    due_date_time: AwareDateTime | UnsetType | None = UNSET
    expiration_date_time: AwareDateTime | UnsetType | None = UNSET
    subject: ShortText | UnsetType | None = UNSET
    description: LongText | UnsetType | None = UNSET
    source_url: Annotated[str, Meta(max_length=2000, pattern=r"^https?://")] | UnsetType | None = UNSET
    contact: ContactInput | UnsetType | None = UNSET
    ext: dict[str, Any] | UnsetType | None = UNSET
    data: dict[str, Any] | UnsetType | None = UNSET
    tags: Annotated[list[Tag], Meta(max_length=32)] | UnsetType | None = UNSET


class Exclusion(Struct, frozen=True):
    """An agent who declined or missed the item: not offered to them again before `until`."""

    agent: str
    until: datetime
    reason: str


class WorkItem(Struct, kw_only=True):
    """The whole state of one item. Commands return changed copies; `revision` counts them and names the event."""

    number: ItemNumber = ItemNumber(0)
    id: ItemId
    revision: int = 1
    status: Status = Status.NEW
    capture_point: str
    capture_id: str
    media_type: str = "workitem"
    channel: str | None = None
    named_category: str | None = None
    """Category path as the source named it; believed if that node exists and is active."""
    category_id: str | None = None
    category_path: str | None = None
    department_id: str | None = None
    process_id: str | None = None
    queue_id: str | None = None
    schema_id: str | None = None
    business_value: int = 0
    priority_fixed: int | None = None
    priority_adjustment: int = 0
    subject: str | None = None
    description: str | None = None
    source_url: str | None = None
    contact_id: UUID | None = None
    contact: dict[str, Any] | None = None
    ext: dict[str, Any] = {}
    data: dict[str, Any] = {}
    tags: list[str] = []
    overridden: dict[str, Any] = {}
    """What the source had set of the attributes that rules replaced: judging again starts from these."""
    received_at: datetime
    created_at: datetime
    activation_at: datetime | None = None
    due_at: datetime | None = None
    due_origin: DueOrigin | None = None
    expiration_at: datetime | None = None
    anchor_at: datetime | None = None
    """Where the age starts (by the schema's anchor, or the reopening)."""
    reopened_at: datetime | None = None
    pauses: list[tuple[datetime, datetime]] = []
    """Holds that stopped the clock: their time on the schema's clock is no part of the age."""
    clock_id: str | None = None
    clock_origin: int | None = None
    """clock(anchor) + pauses on the schema's clock: what the database needs to order by priority as of now."""
    clock_frozen: int | None = None
    """clock(heldDateTime) while a hold stops the clock: the age stands still there."""
    queued_at: datetime | None = None
    assigned_at: datetime | None = None
    completed_at: datetime | None = None
    """When the item became final (completed, canceled or rejected)."""
    held_at: datetime | None = None
    hold_reason: str | None = None
    hold_until: datetime | None = None
    hold_wakes_on: str | None = None
    hold_pauses: bool = False
    keep_for: str | None = None
    requirement: Requirement = msgspec.field(default_factory=Requirement)
    segment: str | None = None
    assigned_to: str | None = None
    assignment_id: UUID | None = None
    reserved_for: str | None = None
    reserved_until: datetime | None = None
    reserved_by: str | None = None
    offer_id: UUID | None = None
    offered_to: str | None = None
    offered_at: datetime | None = None
    offer_expires_at: datetime | None = None
    excluded: list[Exclusion] = []
    declines: int = 0
    last_agent: str | None = None
    error: str | None = None
    rule_set_version: int | None = None
    attached_data: dict[str, Any] = {}
    routed_to: str | None = None
    """The external router that has the item, or may have it: until it is known to be back, nobody here is given it."""


PERSONAL = frozenset({"subject", "description", "contact", "data"})
"""Fields whose values lie in the event's personal part; `ext.customerId` as well."""


def surely_storable(value: Any) -> bool:
    """Whether a value keeps every limit of texts and custom data at a glance; False only means: look closer."""
    try:
        encoded = msgspec.json.encode(value)
    except (UnicodeEncodeError, RecursionError):
        return False
    return surely_storable_text(encoded)


def surely_storable_text(encoded: bytes) -> bool:
    """As `surely_storable`, of a value that is JSON already (from our own encoder, which writes NUL one way)."""
    if len(encoded) > MAX_DATA_BYTES or b"\\u0000" in encoded:
        return False
    return encoded.count(b"{") + encoded.count(b"[") < MAX_DATA_DEPTH


def check_data(data: dict[str, Any], field: str = "data") -> None:
    """Refuses custom data that is too large, too deep, or holds text that PostgreSQL cannot store."""
    if surely_storable(data):
        return
    _check_texts_within(data, field)
    size = len(msgspec.json.encode(data))
    if size > MAX_DATA_BYTES:
        raise TooLargeError(
            f"{field} has {size} bytes, at most {MAX_DATA_BYTES} are allowed",
            field=field,
            hint="keep documents as attachments and only their key values here",
        )


def _check_texts_within(data: dict[str, Any], field: str) -> None:
    stack: list[tuple[str, Any, int]] = [(field, data, 1)]
    while stack:
        path, value, depth = stack.pop()
        if depth > MAX_DATA_DEPTH:
            raise InvalidInputError(
                f"{field} is nested deeper than {MAX_DATA_DEPTH} levels",
                field=path,
                hint="flatten the object",
            )
        if isinstance(value, dict):
            for key, inner in value.items():
                check_text(key, path)
                stack.append((f"{path}.{key}", inner, depth + 1))
        elif isinstance(value, list):
            stack.extend((f"{path}[{i}]", inner, depth + 1) for i, inner in enumerate(value))
        elif isinstance(value, str):
            check_text(value, path)


def check_text(text: str, field: str) -> None:
    """Refuses NUL and lone surrogates: neither can be stored or sent on."""
    if "\x00" in text:
        raise InvalidInputError(
            f"{field} contains a NUL character",
            field=field,
            hint="remove \\u0000 from the text",
            code="invalidText",
        )
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidInputError(
            f"{field} contains half of a surrogate pair",
            field=field,
            hint="send valid Unicode",
            code="invalidText",
        ) from None


def check_instant(instant: datetime | None, now: datetime, field: str, *, future: bool = True) -> None:
    """Refuses dates beyond ± 10 years of the tenant's clock and, where told so, dates in the future."""
    if instant is None:
        return
    reach = timedelta(days=366 * MAX_YEARS)
    if not now - reach <= instant <= now + reach:
        raise InvalidInputError(
            f"{field} {instant.isoformat()} is more than {MAX_YEARS} years away from now",
            field=field,
            hint="check the year and the offset",
            code="dateOutOfRange",
        )
    if not future and instant > now:
        raise InvalidInputError(
            f"{field} {instant.isoformat()} lies in the future",
            field=field,
            hint="leave it out: the time of receipt is taken",
            code="dateInFuture",
        )
