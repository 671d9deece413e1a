"""Keys that open meters, and the counters that go with them."""
