"""Turn what is said into a line: entry, formatter, handler, delivery, logger."""
