"""The head-end: transports, modem listener, poll plan, exchanges, spool, ingest."""
