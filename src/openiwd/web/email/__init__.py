"""The email editor, mailboxes, standard responses, and what was held back."""
