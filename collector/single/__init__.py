"""One meter known by its address alone, or tried once: nothing is stored."""
