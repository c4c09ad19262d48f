"""One transaction of one tenant; what it reads includes what it has written."""

from __future__ import annotations

from openiwd.adapters.postgres.alarm_reading import AlarmWriting
from openiwd.adapters.postgres.connection import Connection
from openiwd.adapters.postgres.contact_writing import ContactWriting
from openiwd.adapters.postgres.dashboard_reading import DashboardWriting
from openiwd.adapters.postgres.email_writing import EmailWriting
from openiwd.adapters.postgres.item_writing import ItemWriting
from openiwd.adapters.postgres.live_writing import LiveWriting
from openiwd.adapters.postgres.tenant_reading import PostgresReading


class PostgresWriting(
    PostgresReading, ItemWriting, LiveWriting, ContactWriting, DashboardWriting, AlarmWriting, EmailWriting
):
    """Implements `openiwd.ports.tenant_store.Writing`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
