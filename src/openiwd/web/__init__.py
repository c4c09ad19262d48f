"""The web UI: server-rendered pages over the use cases. No SQL, no rule of the domain lives here."""
