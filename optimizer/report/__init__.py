"""What the user gets to see, one module a format."""
