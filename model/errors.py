"""The root of what this package refuses."""


class ModelError(ValueError):
    """A value that cannot exist in the meter room or the billing office."""
