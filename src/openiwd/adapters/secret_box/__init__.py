"""Seals secrets with the installation's keys."""
