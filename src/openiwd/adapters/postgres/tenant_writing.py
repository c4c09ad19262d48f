"""One transaction of one tenant; what it reads includes what it has written."""

from __future__ import annotations

from openiwd.adapters.postgres.alarm_reading import AlarmWriting
from openiwd.adapters.postgres.capture_reading import CaptureWriting
from openiwd.adapters.postgres.connection import Connection
from openiwd.adapters.postgres.contact_writing import ContactWriting
from openiwd.adapters.postgres.dashboard_reading import DashboardWriting
from openiwd.adapters.postgres.email_writing import EmailWriting
from openiwd.adapters.postgres.erasure_store import ErasureWriting
from openiwd.adapters.postgres.item_writing import ItemWriting
from openiwd.adapters.postgres.live_writing import LiveWriting
from openiwd.adapters.postgres.report_schedule_store import ReportScheduleWriting
from openiwd.adapters.postgres.routing_store import RoutingWriting
from openiwd.adapters.postgres.rule_change_reading import RuleChangeWriting
from openiwd.adapters.postgres.sealed_store import SealedWriting
from openiwd.adapters.postgres.stay_reading import StayWriting
from openiwd.adapters.postgres.tenant_reading import PostgresReading
from openiwd.adapters.postgres.trial_store import TrialWriting
from openiwd.adapters.postgres.webhook_store import WebhookWriting


class PostgresWriting(
    PostgresReading,
    ItemWriting,
    LiveWriting,
    ContactWriting,
    DashboardWriting,
    AlarmWriting,
    StayWriting,
    WebhookWriting,
    CaptureWriting,
    TrialWriting,
    RuleChangeWriting,
    EmailWriting,
    RoutingWriting,
    SealedWriting,
    ErasureWriting,
    ReportScheduleWriting,
):
    """Implements `openiwd.ports.tenant_store.Writing`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
