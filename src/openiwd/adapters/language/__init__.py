"""Tells languages apart."""
