"""Mail taken in: read, tied to a thread and stored, beside what the standard parser takes for reading alone; and many
mailboxes by one email service, beside a plain fetch.
"""
