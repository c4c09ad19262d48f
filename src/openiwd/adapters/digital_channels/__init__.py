"""Digital Channels: settings of a tenant, API keys."""
