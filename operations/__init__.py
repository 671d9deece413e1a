"""What a utility does with readings: validate, close, bill, watch, serve."""
