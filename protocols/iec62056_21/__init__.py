"""IEC 62056-21 (formerly IEC 61107, IEC 1107): mode C, both halves, no wire, no clock."""
