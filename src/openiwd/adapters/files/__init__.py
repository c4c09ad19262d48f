"""File capture points: a watched folder, the forms that files may have, and how they come back."""
