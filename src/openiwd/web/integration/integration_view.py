"""The connection to GWS as shown: how it is, how many submissions there are, what became of each. View models only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple
from urllib.parse import urlencode

from openiwd.domain.routing import Ending, Submission, SubmissionState
from openiwd.usecases.integration import Integration
from openiwd.usecases.integration_check import CheckStep
from openiwd.web.shell.catalogue import Catalogue, number
from openiwd.web.shell.time_text import Moment, TimeText

PATH: Final = "/configuration/integrations"
OPEN: Final = (
    SubmissionState.SUBMITTING,
    SubmissionState.SUBMITTED,
    SubmissionState.WORKING,
    SubmissionState.RECALLING,
)
LOOKS: Final = {
    "off": ("", "pause"),
    "missing": ("", "plug"),
    "unknown": ("accent", "clock"),
    "away": ("bad", "alert"),
    "working": ("ok", "check"),
}
STATE_CSS: Final = {"submitted": "accent", "working": "ok", "recalling": "warn", "submitting": ""}


class Status(NamedTuple):
    key: str
    css: str
    icon: str
    text: str
    detail: str
    away_since: Moment | None
    last_success: Moment | None
    last_error: str


class Choice(NamedTuple):
    key: str
    text: str
    amount: str
    href: str
    current: bool


class SubmissionLine(NamedTuple):
    external_id: str
    item: str
    item_href: str
    queue: str
    css: str
    state: str
    remote: str
    begun: Moment | None
    attempts: int
    error: str


class StepLine(NamedTuple):
    name: str
    address: str
    ok: bool
    said: str
    remedy: str


def status_of(found: Integration, t: Catalogue, times: TimeText) -> Status:
    state = found.state
    key = "working"
    if not found.revision:
        key = "missing"
    elif not found.settings.enabled:
        key = "off"
    elif state is None or (state.away_since is None and state.last_success_at is None):
        key = "unknown"
    elif state.away_since is not None:
        key = "away"
    css, icon = LOOKS[key]
    return Status(
        key=key,
        css=css,
        icon=icon,
        text=t.named("integration_state", key),
        detail=t.named("integration_detail", key),
        away_since=times.ago(state.away_since) if state else None,
        last_success=times.ago(state.last_success_at) if state else None,
        last_error=(state.last_error or "") if state else "",
    )


def choices(found: Integration, shown: SubmissionState | None, t: Catalogue) -> list[Choice]:
    """Which submissions are listed, with how many are open in each state."""
    listed: list[SubmissionState | None] = [None, *OPEN, SubmissionState.ENDED]
    ended = sum(found.endings.values())
    amounts = {SubmissionState.ENDED: ended, **{s: found.counts.get(s.value, 0) for s in OPEN}}
    return [
        Choice(
            key=s.value if s else "all",
            text=t.named("submission_state", s.value if s else "all"),
            amount=number(amounts[s]) if s else "",
            href=f"{PATH}?{urlencode({'state': s.value})}#submissions" if s else f"{PATH}#submissions",
            current=s is shown,
        )
        for s in listed
    ]


def endings(found: Integration, t: Catalogue) -> list[tuple[str, str]]:
    """How submissions of the last day ended, most first."""
    named = sorted(found.endings.items(), key=lambda pair: -pair[1])
    return [(t.named("submission_ending", e), number(n)) for e, n in named]


def submission_lines(found: Sequence[Submission], t: Catalogue, times: TimeText) -> list[SubmissionLine]:
    return [_line(one, t, times) for one in found]


def _line(one: Submission, t: Catalogue, times: TimeText) -> SubmissionLine:
    if one.ending is not None:
        is_fine = one.ending in (Ending.COMPLETED, Ending.RECALLED)
        css, state = ("" if is_fine else "warn"), t.named("submission_ending", one.ending.value)
    else:
        css, state = STATE_CSS[one.state.value], t.named("submission_state", one.state.value)
        if one.recall is not None and one.state is SubmissionState.RECALLING:
            state = f"{state}: {t.named('submission_recall', one.recall.value)}"
    remote = t.named("submission_remote", one.remote_state.value) if one.remote_state is not None else "–"
    return SubmissionLine(
        external_id=one.external_id,
        item=str(one.item_id)[-12:],
        item_href=f"/?{urlencode({'item': str(one.item_id)})}",
        queue=one.queue_id if one.segment is None else f"{one.queue_id} · {one.segment}",
        css=css,
        state=state,
        remote=f"{remote} ({one.assigned_to})" if one.assigned_to else remote,
        begun=times.ago(one.begun_at),
        attempts=one.attempts,
        error=one.error or "",
    )


def step_lines(steps: Sequence[CheckStep], t: Catalogue) -> list[StepLine]:
    return [_step(one, t) for one in steps]


def _step(one: CheckStep, t: Catalogue) -> StepLine:
    said = one.error if not one.ok else t(f"integration.step_ok_{_KEYS[one.name]}", about=one.about)
    remedy = "" if one.ok else t("integration.remedy", field=t.named("integration_field", one.field))
    return StepLine(t.named("integration_step", one.name), one.address, one.ok, said, remedy)


_KEYS: Final = {"signIn": "sign_in", "submissions": "submissions", "settings": "settings"}
