"""The settings of the connection to Genesys Web Services and Digital Channels. Pure."""

from __future__ import annotations

import hmac
from hashlib import sha1
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

Address = Annotated[str, Meta(max_length=500, pattern=r"^(https?://[^\s/]+(/[^\s]*)?)?$")]
Secret = Annotated[str, Meta(max_length=4_000)]
Name = Annotated[str, Meta(max_length=200)]
SECRETS: Final = ("client_secret", "password", "api_key", "webhook_secret")
"""Fields that are stored sealed and never shown."""


class GwsSettings(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Addresses are without a path of ours: `/auth/v3/…`, `/nexus/v3/…` and so on are added to them."""

    enabled: bool = False
    auth_url: Address = ""
    gws_url: Address = ""
    """Of Workspace and Environment services; empty: as `authUrl`."""
    nexus_url: Address = ""
    """Of Digital Channels; empty: as `authUrl`."""
    grant: Literal["client_credentials", "password"] = "client_credentials"
    client_id: Name = ""
    client_secret: Secret = ""
    username: Name = ""
    password: Secret = ""
    api_key: Secret = ""
    contact_center_id: Annotated[str, Meta(max_length=100)] = ""
    service: Annotated[str, Meta(max_length=100, pattern=r"^[A-Za-z0-9._-]*$")] = ""
    """The open media service that takes items; a queue's attached data `gwsService` names another one."""
    limit: Annotated[int, Meta(ge=1, le=10_000)] = 100
    """Submissions at once of each segment of a queue that says none."""
    pull_seconds: Annotated[float, Meta(ge=0.05, le=3_600)] = 5.0
    """How often the status of each submission is asked for."""
    timeout_seconds: Annotated[float, Meta(ge=0.1, le=120)] = 10.0
    snapshot_condition: Annotated[str, Meta(max_length=1_000)] = ""
    """Not empty: open interactions are listed by snapshots of this condition, and only the rest is asked for singly."""
    webhook_secret: Secret = ""
    """What Digital Channels signs its notifications with; empty: none are taken."""

    @property
    def workspace(self) -> str:
        return (self.gws_url or self.auth_url).rstrip("/")

    @property
    def nexus(self) -> str:
        return (self.nexus_url or self.auth_url).rstrip("/")


def hub_signature(secret: str, body: bytes) -> str:
    """`X-Hub-Signature` as Digital Channels writes it."""
    return "sha1=" + hmac.new(secret.encode(), body, sha1).hexdigest()


def is_signed_by(secret: str, header: str, body: bytes) -> bool:
    """Whether the body was signed with the secret, compared in constant time. No secret: never."""
    wanted = hub_signature(secret, body)
    return bool(secret) and hmac.compare_digest(
        wanted.encode(), header.strip().lower().encode("utf-8", "replace")
    )
