"""Capture points: what source systems say (messages), what they hear (answers, notifications), and how it is mapped."""
