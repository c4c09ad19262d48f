"""Queues: which groups an item waits for, and how it is handed over. Decides nothing about single items."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from msgspec import Meta, Struct

from openiwd.domain.requirement import (
    Relaxation,
    RelaxationStep,
    compile_duration,
    compile_relaxation,
)


class Delivery(StrEnum):
    PUSH = "push"
    PULL = "pull"
    BOTH = "both"


class RoutingTarget(StrEnum):
    """Who gives the items of a queue to agents: OpenIWD itself, or an external router that gets the best of them."""

    NATIVE = "native"
    GWS = "gws"


class QueueGroupConfig(Struct, frozen=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """A group that a queue serves, from a delay on (overflow)."""

    group: str
    delay: str | int = "0s"


class LastAgentConfig(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """The agent who last served the contact within a time is preferred for a while."""

    within: str | int = "30d"
    wait: str | int = "10m"


class QueueConfig(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """A queue as a rule set writes it; the defaults are those of the product."""

    id: str
    name: str
    groups: list[QueueGroupConfig] = []
    delivery: Delivery = Delivery.PUSH
    routing_target: RoutingTarget = RoutingTarget.NATIVE
    hours: str | None = None
    weight: Annotated[int, Meta(ge=0, le=10_000)] | None = None
    offer_timeout: str | int = "30s"
    auto_accept: bool = False
    wrap_up: str | int = "0s"
    limit: Annotated[int, Meta(ge=1)] | None = None
    segment_by: str | None = None
    reserve_for: str | int = "1d"
    return_after: str | int = "1d"
    prefer_last_agent: LastAgentConfig | None = None
    decline_exclusion: str | int = "15m"
    not_ready_on_timeout: bool = True
    alarm_after_declines: Annotated[int, Meta(ge=1)] = 3
    relaxation: list[RelaxationStep] = []
    attached_data: dict[str, Any] = {}


class QueueGroup(Struct, frozen=True):
    group: str
    delay: int = 0
    """Microseconds of wall time in queue before this group is served."""


class LastAgent(Struct, frozen=True):
    within: int
    wait: int


class Queue(Struct, frozen=True, kw_only=True):
    """A queue ready for use: durations are microseconds. No groups = every agent."""

    id: str
    name: str
    groups: tuple[QueueGroup, ...] = ()
    delivery: Delivery = Delivery.PUSH
    routing_target: RoutingTarget = RoutingTarget.NATIVE
    hours: str | None = None
    """Calendar id: outside of it nothing is pushed; pull works."""
    weight: int | None = None
    offer_timeout: int
    auto_accept: bool = False
    wrap_up: int = 0
    limit: int | None = None
    segment_by: str | None = None
    reserve_for: int
    return_after: int
    prefer_last_agent: LastAgent | None = None
    decline_exclusion: int
    not_ready_on_timeout: bool = True
    alarm_after_declines: int = 3
    relaxation: tuple[Relaxation, ...] = ()
    attached_data: dict[str, Any] = {}

    @property
    def is_native(self) -> bool:
        """Whether OpenIWD gives its items to agents itself."""
        return self.routing_target is RoutingTarget.NATIVE

    @property
    def pushes(self) -> bool:
        return self.is_native and self.delivery is not Delivery.PULL

    @property
    def pulls(self) -> bool:
        return self.is_native and self.delivery is not Delivery.PUSH


def compile_queue(config: QueueConfig, field: str) -> Queue:
    """The queue with its durations read; raises `RuleSetError` with the path below `field`."""
    last = config.prefer_last_agent
    return Queue(
        id=config.id,
        name=config.name,
        groups=tuple(
            QueueGroup(g.group, compile_duration(g.delay, f"{field}.groups[{i}].delay"))
            for i, g in enumerate(config.groups)
        ),
        delivery=config.delivery,
        routing_target=config.routing_target,
        hours=config.hours,
        weight=config.weight,
        offer_timeout=compile_duration(config.offer_timeout, f"{field}.offerTimeout"),
        auto_accept=config.auto_accept,
        wrap_up=compile_duration(config.wrap_up, f"{field}.wrapUp"),
        limit=config.limit,
        segment_by=config.segment_by,
        reserve_for=compile_duration(config.reserve_for, f"{field}.reserveFor"),
        return_after=compile_duration(config.return_after, f"{field}.returnAfter"),
        prefer_last_agent=None
        if last is None
        else LastAgent(
            compile_duration(last.within, f"{field}.preferLastAgent.within"),
            compile_duration(last.wait, f"{field}.preferLastAgent.wait"),
        ),
        decline_exclusion=compile_duration(config.decline_exclusion, f"{field}.declineExclusion"),
        not_ready_on_timeout=config.not_ready_on_timeout,
        alarm_after_declines=config.alarm_after_declines,
        relaxation=compile_relaxation(config.relaxation, f"{field}.relaxation"),
        attached_data=dict(config.attached_data),
    )
