"""Tenants' ids, states, and limits, on plain values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openiwd.domain.errors import InvalidInputError, InvalidTransitionError
from openiwd.domain.rate_limit import Limit
from openiwd.domain.tenant_life import (
    TenantAct,
    TenantLimits,
    TenantState,
    check_limits,
    database_name_of,
    limits_of,
    next_state,
    request_limit,
    tenant_id_of,
)


@pytest.mark.parametrize(
    ("named", "made"),
    [
        ("acme", "acme"),
        ("Acme Corp", "acme-corp"),
        ("9350e2fc-a1dd-4c65-8d40-1f75a2e080dd", "t-9350e2fc-a1dd-4c65-8d40-1f75a2e080dd"),
    ],
)
def test_ids_of_other_systems_are_made_to_fit(named: str, made: str) -> None:
    assert tenant_id_of(named) == made
    assert tenant_id_of(made) == made


@pytest.mark.parametrize("named", ["", "  ", "ü", "x" * 41, "---"])
def test_what_cannot_be_an_id_is_refused(named: str) -> None:
    with pytest.raises(InvalidInputError):
        tenant_id_of(named)


@pytest.mark.parametrize("name", ["", 'a"b', "a b", "1a", "x" * 59, "postgres;--"])
def test_names_of_databases_hold_nothing_odd(name: str) -> None:
    if name == "":
        assert database_name_of("acme", name) == "iwd-acme"
    else:
        with pytest.raises(InvalidInputError):
            database_name_of("acme", name)


@given(st.lists(st.sampled_from(TenantAct), max_size=12))
def test_a_tenant_is_open_only_when_it_was_finished_and_not_shut_since(acts: list[TenantAct]) -> None:
    state, finished, shut = TenantState.CREATING, False, False
    for act in acts:
        try:
            state = next_state(state, act)
        except InvalidTransitionError:
            continue
        finished = finished or act in (TenantAct.FINISH, TenantAct.RESUME)
        shut = act in (TenantAct.SUSPEND, TenantAct.DELETE)
    assert (state is TenantState.READY) == (finished and not shut)


def test_acts_can_be_repeated() -> None:
    for state, act in ((TenantState.READY, TenantAct.SUSPEND), (TenantState.SUSPENDED, TenantAct.RESUME)):
        once = next_state(state, act)
        assert next_state(once, act) is once
    with pytest.raises(InvalidTransitionError):
        next_state(TenantState.CREATING, TenantAct.SUSPEND)


def test_the_rate_of_a_tenant_is_a_limit_with_a_burst_of_two_seconds() -> None:
    assert request_limit(TenantLimits(requests_per_second=10)) == Limit("tenant", 10, 20)
    slow = request_limit(TenantLimits(requests_per_second=0.2))
    assert slow is not None
    assert slow.burst == 1, "a limit that lets nothing through is none that anybody wants"
    assert request_limit(TenantLimits()) is None


def test_limits_are_read_from_settings_and_checked() -> None:
    assert limits_of({"limits": {"users": 3}}) == TenantLimits(users=3)
    assert limits_of({}) == TenantLimits()
    with pytest.raises(InvalidInputError):
        check_limits(TenantLimits(users=0))
