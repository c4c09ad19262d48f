"""Replay: turns a foreign event log into the operations that make the same work happen here.

Pure planning: readers hand in cases or rows, the plan comes out; carrying it out is a process's part.
"""
