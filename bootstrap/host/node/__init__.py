"""The node container: PID 1 and the health check."""
