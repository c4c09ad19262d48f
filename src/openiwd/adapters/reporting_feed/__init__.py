"""Reads the event log and configuration over HTTP, for the data mart."""
