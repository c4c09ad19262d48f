"""Other processes of this installation, over HTTP."""
