"""Trials: what a shadow costs intake, and how long a publication takes until every process judges by it."""
