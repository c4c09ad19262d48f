"""Charts as geometry for the templates."""
