"""What cannot be told from a model's configuration."""


class UnknownLayout(Exception):
    """How a model's cache is laid out is not known for certain. The text says why.

    A wrong figure is worse than none: an operator would start a service on it.
    """
