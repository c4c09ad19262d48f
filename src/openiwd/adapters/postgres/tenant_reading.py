"""Committed state of one tenant, read over one connection; every call is a statement of its own."""

from __future__ import annotations

from openiwd.adapters.postgres.alarm_reading import AlarmReading
from openiwd.adapters.postgres.backlog_reading import BacklogReading
from openiwd.adapters.postgres.capture_reading import CaptureReading
from openiwd.adapters.postgres.connection import Connection
from openiwd.adapters.postgres.contact_reading import ContactReading
from openiwd.adapters.postgres.dashboard_reading import DashboardReading
from openiwd.adapters.postgres.doctor_reading import DoctorReading
from openiwd.adapters.postgres.email_reading import EmailReading
from openiwd.adapters.postgres.erasure_store import ErasureReading
from openiwd.adapters.postgres.figure_reading import FigureReading
from openiwd.adapters.postgres.item_reading import ItemReading
from openiwd.adapters.postgres.live_reading import LiveReading
from openiwd.adapters.postgres.log_reading import LogReading
from openiwd.adapters.postgres.report_schedule_store import ReportScheduleReading
from openiwd.adapters.postgres.rest_reading import RestReading
from openiwd.adapters.postgres.routing_store import RoutingReading
from openiwd.adapters.postgres.rule_change_reading import RuleChangeReading
from openiwd.adapters.postgres.sealed_store import SealedReading
from openiwd.adapters.postgres.search_reading import SearchReading
from openiwd.adapters.postgres.stay_reading import StayReading
from openiwd.adapters.postgres.trial_store import TrialReading
from openiwd.adapters.postgres.webhook_store import WebhookReading


class PostgresReading(
    ItemReading,
    BacklogReading,
    LogReading,
    LiveReading,
    SearchReading,
    ContactReading,
    DashboardReading,
    AlarmReading,
    StayReading,
    DoctorReading,
    WebhookReading,
    CaptureReading,
    TrialReading,
    RuleChangeReading,
    EmailReading,
    RoutingReading,
    FigureReading,
    SealedReading,
    RestReading,
    ErasureReading,
    ReportScheduleReading,
):
    """Implements `openiwd.ports.tenant_store.Reading`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
