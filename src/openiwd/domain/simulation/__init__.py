"""Simulation: an invented tenant in virtual time on the real decision code, watched by rules written apart from it.

Pure: chance and the stopwatch are handed in, so that the same seed gives the same run, byte for byte.
"""
