"""Row f: a page of the Universal Queue over very many items, beside the same in plain SQL."""
