"""Asks IWD over its API."""
