"""Makes HTML of strangers harmless."""
