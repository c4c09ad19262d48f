"""Twins in memory of what lies outside: for one process, and for tests."""
