"""Agents and users."""
