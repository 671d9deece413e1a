"""Lines to modems: how each kind is reached, one conversation at a time, and the bytes that go over them."""
