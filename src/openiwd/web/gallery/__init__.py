"""The gallery of components, for those who build pages."""
