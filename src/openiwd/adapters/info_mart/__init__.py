"""Genesys Info Mart: names of agents, read from its PostgreSQL."""
