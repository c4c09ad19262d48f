"""Email as OpenIWD understands it: real-world messages read, kinds told apart, threads joined on evidence.

Pure. Nothing here raises on a message, however broken: what cannot be read is noted and kept.
"""
