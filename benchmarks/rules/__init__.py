"""Row b: what it costs to classify an item, beside reading it and beside other rule engines."""
