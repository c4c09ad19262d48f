"""A real PostgreSQL started and stopped by OpenIWD itself. Nothing here knows tenants or tables."""

from openiwd.adapters.embedded_postgres.account import SYSTEM_DIR
from openiwd.adapters.embedded_postgres.errors import EmbeddedPostgresError
from openiwd.adapters.embedded_postgres.server import EmbeddedPostgres, default_data_dir

__all__ = ["SYSTEM_DIR", "EmbeddedPostgres", "EmbeddedPostgresError", "default_data_dir"]
