"""Webhooks: receivers of events, their secrets, their deliveries."""
