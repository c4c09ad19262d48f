"""What can be said of a rule set without any item: conditions that never hold, siblings never reached, gaps."""
