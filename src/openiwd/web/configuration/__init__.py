"""The rule set and everything else that is configured."""
