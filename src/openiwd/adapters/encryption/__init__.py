"""Seals secrets with AES-GCM."""
