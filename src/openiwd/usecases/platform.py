"""All tenants of this process: what the API, the UI and the processes hold on to."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from openiwd.domain.capture.answer import Outcome
from openiwd.domain.errors import ForbiddenError, NotFoundError, UnavailableError
from openiwd.domain.gws import GwsSettings
from openiwd.domain.lint.finding import Finding
from openiwd.domain.tenant_life import limits_of, request_limit
from openiwd.ports.capture import CaptureAdapter
from openiwd.ports.control_store import ControlStore
from openiwd.ports.digital_channels import DigitalChannels
from openiwd.ports.external_router import ExternalRouter
from openiwd.ports.identity_provider import IdentityProvider
from openiwd.ports.outbound import Outbound
from openiwd.ports.search_index import SearchServer
from openiwd.ports.secret_box import SecretBox
from openiwd.ports.tenant_store import Tenant
from openiwd.usecases.addressing import Addressing
from openiwd.usecases.agent_names import AgentNames
from openiwd.usecases.bulk_run import BulkRuns
from openiwd.usecases.decider import Decider
from openiwd.usecases.doctor import Doctor
from openiwd.usecases.email_tool import EmailTools
from openiwd.usecases.feed import EventFeed
from openiwd.usecases.indexed_search import IndexedSearch
from openiwd.usecases.intake import Intake
from openiwd.usecases.joint_action import JointActions
from openiwd.usecases.live_order import LiveOrders
from openiwd.usecases.matching_count import ManyMatches
from openiwd.usecases.open_counts import OpenCounts
from openiwd.usecases.passing_on import PassingOn
from openiwd.usecases.past import RulesOfThen
from openiwd.usecases.picture import Picture
from openiwd.usecases.preparation import Preparations
from openiwd.usecases.presence import Presence
from openiwd.usecases.rate_limits import RateLimits
from openiwd.usecases.remembered import Remembered
from openiwd.usecases.rule_set_impact_run import ImpactRuns
from openiwd.usecases.shadow_watch import ShadowWatch
from openiwd.usecases.tenant_runtime import TenantRuntime
from openiwd.usecases.user import Identities
from openiwd.usecases.view_counts import ViewCounts

if TYPE_CHECKING:
    from openiwd.usecases.tenant_owner import Tenants

MakeRuntime = Callable[[Tenant], Awaitable[TenantRuntime]]


def _uncounted(_point: str, _outcome: Outcome, _records: int) -> None:
    """Nobody counts here."""


class TenantServices:
    """One tenant, ready for use in this process."""

    def __init__(
        self,
        runtime: TenantRuntime,
        process_id: UUID,
        control: ControlStore | None = None,
        email_tools: EmailTools | None = None,
        search_server: SearchServer | None = None,
    ) -> None:
        self.runtime = runtime
        self._email_tools = email_tools
        self.tenant = runtime.tenant
        self.process_id = process_id
        self.intake = Intake(runtime)
        self.actions = JointActions(runtime)
        self.feed = EventFeed(runtime)
        self.indexed = (
            None
            if search_server is None
            else IndexedSearch(search_server.index(runtime.tenant.id), self.feed, runtime)
        )
        """The search index, where a server for it is configured."""
        self.addressing = Addressing(self.feed)
        self.presence = Presence()
        self.counts = Remembered()
        """What dashboards have counted lately."""
        self.view_counts = ViewCounts()
        self.live_orders = LiveOrders()
        self.agent_names = AgentNames()
        self.open_counts = OpenCounts(lambda: self.feed.head)
        self.many_matches = ManyMatches(lambda: self.feed.head)
        self.rules_of_then = RulesOfThen()
        self.linted: tuple[int, datetime, list[Finding]] | None = None
        """What the linter said last of a version of the rule set, and when."""
        self.captured: Callable[[str, Outcome, int], None] = _uncounted
        """Told how many records of a capture point came to what, once that is committed; must return at once."""
        self.shadows = ShadowWatch(runtime)
        self.feed.tell(self.shadows.hear)
        self.preparations = None if control is None else Preparations(control, self)
        self.bulk_runs = BulkRuns(self)
        self.impact_runs = ImpactRuns()
        self.decider: Decider | None = None
        """Present while this process decides for the tenant."""
        self.router_failure: str | None = None
        """Why the external router does not answer, while this process speaks to it and it does not."""
        self.picture: Picture | None = None
        """Present while this process decides or stands by to."""
        self.loads = 0
        """How often this process has read the whole backlog of the tenant."""
        self.limits = limits_of(self.tenant.settings)
        self.request_limit = request_limit(self.limits)
        self.uses = 0
        """Counts requests for this tenant here; whoever compares two readings sees whether there were any."""
        self.streams = 0
        """Streams that are open now: as long as there is one, the tenant stays open."""
        self.wanted = asyncio.Event()
        """Set by who needs what runs beside requests (the decider above all): where it has not begun, it begins now."""
        self._agent_locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def renew(self, tenant: Tenant) -> None:
        """The tenant's row in the control database may have changed: its name, its settings."""
        if tenant != self.tenant:
            self.tenant = self.runtime.tenant = tenant
            self.limits = limits_of(tenant.settings)
            self.request_limit = request_limit(self.limits)

    def require_decider(self) -> Decider:
        """The decider; UnavailableError while this process does not decide."""
        if self.decider is None:
            self.wanted.set()
            raise UnavailableError(
                "nothing decides for this tenant at the moment",
                code="noDecider",
                hint="try again in a moment",
                retry_after=2,
            )
        return self.decider

    @property
    def email_tools(self) -> EmailTools:
        """UnavailableError in a process that has nothing to do with email."""
        if self._email_tools is None:
            raise UnavailableError("this process knows no email", code="noEmail")
        return self._email_tools

    def agent_lock(self, agent_id: str) -> asyncio.Lock:
        """One change of an agent's state at a time."""
        return self._agent_locks[agent_id]


class Platform:
    """The control database and the tenants opened so far. `on_open` starts a tenant's background work."""

    def __init__(
        self,
        control: ControlStore,
        make_runtime: MakeRuntime,
        process_id: UUID,
        on_open: Callable[[TenantServices], Awaitable[None]] | None = None,
        passing_on: PassingOn | None = None,
        outbound: Outbound | None = None,
        secrets: SecretBox | None = None,
        capture_adapters: Mapping[str, CaptureAdapter] | None = None,
        email_tools: EmailTools | None = None,
        limits: RateLimits | None = None,
        make_router: Callable[[GwsSettings], ExternalRouter] | None = None,
        make_channels: Callable[[GwsSettings], DigitalChannels] | None = None,
        search_server: SearchServer | None = None,
        identity_provider: IdentityProvider | None = None,
    ) -> None:
        self.control = control
        self.limits = limits
        """How often callers may ask; None: as often as they like."""
        self._make_router = make_router
        self._make_channels = make_channels
        self.search_server = search_server
        self._identity_provider = identity_provider
        self._outbound = outbound
        self._secrets = secrets
        self.identities = Identities(control, box=secrets)
        self.process_id = process_id
        self.passing_on = passing_on
        self.doctor = Doctor()
        self.capture_adapters: Mapping[str, CaptureAdapter] = capture_adapters or {}
        """By kind of capture point, those that are read by the loop."""
        self.email_tools = email_tools
        self.is_draining = False
        """Whether this process is about to end: it still answers, but nothing new should be sent to it."""
        self.tenants: Tenants | None = None
        """What acts on tenants themselves; a process that has none of it leaves it out."""
        self._make_runtime = make_runtime
        self.on_open = on_open
        self._services: dict[str, TenantServices] = {}
        self._opening: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @property
    def outbound(self) -> Outbound:
        if self._outbound is None:
            raise UnavailableError("this process sends nothing to receivers outside", code="noOutbound")
        return self._outbound

    def connect_router(self, settings: GwsSettings) -> ExternalRouter:
        """A connection to the external router of a tenant; whoever asks for it closes it."""
        if self._make_router is None:
            raise UnavailableError("this process speaks to no router", code="noRouter")
        return self._make_router(settings)

    def connect_channels(self, settings: GwsSettings) -> DigitalChannels:
        """Digital Channels, asked with the token of the same connection."""
        if self._make_channels is None:
            raise UnavailableError("this process speaks to no Digital Channels", code="noRouter")
        return self._make_channels(settings)

    @property
    def identity_provider(self) -> IdentityProvider:
        if self._identity_provider is None:
            raise UnavailableError("this process asks no identity provider", code="noProvider")
        return self._identity_provider

    @property
    def secrets(self) -> SecretBox:
        if self._secrets is None:
            raise UnavailableError("this process keeps no secrets", code="noSecretKey")
        return self._secrets

    @property
    def opened(self) -> list[TenantServices]:
        return list(self._services.values())

    async def services(self, tenant_id: str) -> TenantServices:
        """The tenant's services, opened on first use. NotFoundError: there is no such tenant; ForbiddenError: nobody
        is let in (`tenantSuspended`).
        """
        found = self._services.get(tenant_id)
        if found is not None:
            found.uses += 1
            return found
        async with self._opening[tenant_id]:
            found = self._services.get(tenant_id)
            if found is not None:
                return found
            tenant = await self.control.tenant(tenant_id)
            if tenant is None:
                raise NotFoundError(f"there is no tenant '{tenant_id}'", field="tenant")
            if not tenant.active:
                raise ForbiddenError(
                    "this tenant is suspended", code="tenantSuspended", hint="ask whoever runs the platform"
                )
            services = TenantServices(
                await self._make_runtime(tenant),
                self.process_id,
                self.control,
                self.email_tools,
                self.search_server,
            )
            services.uses = 1
            if self.on_open is not None:
                await self.on_open(services)
            self._services[tenant_id] = services
            return services

    def drain(self) -> None:
        """Says that this process is about to end, and ends its streams: their clients go to another one."""
        self.is_draining = True
        for services in self.opened:
            services.feed.end_subscriptions()
            services.addressing.end()

    async def apart(self, tenant: Tenant) -> TenantServices:
        """Services of a tenant that is open to nobody (one that is being made): told to nobody, kept by nobody."""
        return TenantServices(await self._make_runtime(tenant), self.process_id, None, self.email_tools)

    def close(self, tenant_id: str) -> TenantServices | None:
        """Forgets a tenant (removed, or changed in the control database)."""
        return self._services.pop(tenant_id, None)
