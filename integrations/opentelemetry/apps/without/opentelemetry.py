"""Stands before the real package on the path of a service that is to have none."""

raise ImportError("OpenTelemetry is not installed")
