"""What holds for all tests."""

import signal


def pytest_configure() -> None:
    """Ctrl-C is heard: a shell starts its background jobs deaf to it, and children inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
