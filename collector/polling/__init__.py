"""Whom to ask next, for what, how urgently, and how long to wait."""
