"""Row e: loading the data mart."""
