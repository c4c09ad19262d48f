"""Logs people in at their OpenID Connect provider."""
