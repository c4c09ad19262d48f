"""Sends to receivers outside of the installation."""
