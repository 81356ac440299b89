"""The few Linux calls that Python does not offer everywhere.

``prctl`` has no binding at all. pidfds have one (3.9+), but a Python that was built
against old headers lacks it, and such builds are common; so the system call is made
by number then. The numbers are the same on every architecture that vLLM runs on
(Linux 5.3, ``include/uapi/asm-generic/unistd.h``).
"""

import contextlib
import ctypes
import fcntl
import os
import signal

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_SYS_PIDFD_SEND_SIGNAL = 424
_SYS_PIDFD_OPEN = 434

_libc = ctypes.CDLL(None, use_errno=True)
_libc.prctl.argtypes = (ctypes.c_int, *(ctypes.c_ulong,) * 4)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def become_subreaper() -> None:
    """Descendants of ours that lose their parent become our children, not init's."""
    _checked(_libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))


def die_with_parent(sig: signal.Signals) -> None:
    """Get ``sig`` when the thread that forked us ends.

    The parent may have died before this call; compare ``os.getppid()`` afterwards.
    """
    _checked(_libc.prctl(_PR_SET_PDEATHSIG, sig, 0, 0, 0))


def widen_pipe(fd: int, size: int) -> None:
    """Let a pipe hold ``size`` bytes; it keeps its 64 KiB where the user's quota is spent."""
    with contextlib.suppress(OSError):
        fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, size)


def pidfd_open(pid: int) -> int:
    """A file descriptor that stays with this process, whatever becomes of its number.

    Raises OSError: ENOSYS before Linux 5.3, ESRCH when there is no such process.
    """
    if hasattr(os, "pidfd_open"):
        return os.pidfd_open(pid)
    fd = _checked(_libc.syscall(_SYS_PIDFD_OPEN, pid, 0))
    os.set_inheritable(fd, False)
    return fd


def pidfd_send_signal(pidfd: int, sig: signal.Signals) -> None:
    """Signal the process behind a pidfd. Raises OSError: ESRCH when it is gone."""
    if hasattr(signal, "pidfd_send_signal"):
        signal.pidfd_send_signal(pidfd, sig)
    else:
        _checked(_libc.syscall(_SYS_PIDFD_SEND_SIGNAL, pidfd, int(sig), None, 0))
