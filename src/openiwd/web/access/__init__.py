"""Who may do what: users, roles, access groups, API keys, and each user's own settings."""
