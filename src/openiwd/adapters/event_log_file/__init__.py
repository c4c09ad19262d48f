"""Reads foreign event logs from files: XES (also gzipped) and tables (CSV, described by a mapping file)."""
