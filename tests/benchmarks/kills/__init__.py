"""Processes that are killed at random moments, under load, and what the log says of it."""
