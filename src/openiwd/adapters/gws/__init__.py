"""Genesys Web Services: tokens, open media interactions, media management, notifications."""
