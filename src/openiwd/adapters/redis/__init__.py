"""Redis and Valkey: what processes share for speed. Nothing here is the truth of anything."""
