"""Reports of the data mart: their list, each report, and the items behind its numbers."""
