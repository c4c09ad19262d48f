"""Pages of capture points: the list with how each works, the editor with a live sample, the error inbox."""
