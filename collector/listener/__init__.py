"""Where modems dial in: callers counted by address, at the door until they say a name we know."""
