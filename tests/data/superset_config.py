"""Settings of the Superset that tests start: its own SQLite, no caches, no browser protection. Never for real use."""

import os
from pathlib import Path

SECRET_KEY = "of a Superset that only tests talk to"
SQLALCHEMY_DATABASE_URI = f"sqlite:///{Path(os.environ['SUPERSET_HOME']) / 'metadata.db'}"
WTF_CSRF_ENABLED = False
TALISMAN_ENABLED = False
