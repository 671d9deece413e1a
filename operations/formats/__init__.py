"""Readings in files of other programs: bytes in, values out, and back. No database, no clock."""
