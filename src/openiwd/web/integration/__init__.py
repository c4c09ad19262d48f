"""Connections to outside systems: GWS and Digital Channels."""
