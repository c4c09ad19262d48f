"""Capture points: what reading a source costs, and what taking its records costs."""
