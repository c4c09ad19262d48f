"""What pages share of a tenant: its live rules if there are any, and the names of its agents."""

from __future__ import annotations

from openiwd.domain.agent import Agent
from openiwd.domain.errors import UnavailableError
from openiwd.domain.rule_set import CompiledRuleSet
from openiwd.usecases import agent as agent_use
from openiwd.web.item.row_view import Shown, scale_of
from openiwd.web.shell.visit import Visit


async def live_rules(visit: Visit) -> CompiledRuleSet | None:
    """The live rule set; None while none is published, so that pages can say so."""
    try:
        return await visit.services.runtime.rules()
    except UnavailableError:
        return None


async def agents_of(visit: Visit) -> list[Agent]:
    return await agent_use.all_agents(visit.services)


async def shown_by(visit: Visit, agents: list[Agent] | None = None) -> Shown:
    """What lines of items are made with."""
    rules = await live_rules(visit)
    if agents is None:
        names = await visit.services.agent_names.of(visit.services.runtime)
    else:
        names = {a.id: a.name for a in agents}
    return Shown(visit.t, visit.times, rules, names, scale_of(rules))
