"""What holds the events and answers in SQL."""
