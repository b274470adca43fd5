"""What a secret or personal data is called, and what it looks like."""
