"""Rows d, d2, d3: choosing for an agent, durable assignment, and the offer on the agent's stream."""
