"""Reads rows of foreign databases as records, and writes back what became of them."""
