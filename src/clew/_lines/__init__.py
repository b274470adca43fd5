"""Write lines: from what a caller logs to what a handler puts on its stream."""
