"""Run a command where it can do no harm: no network, a disk that only reads, an empty folder.

``python jail.py FOLDER COMMAND ...`` makes namespaces of its own (Linux; no root needed), mounts
64 MB of memory over FOLDER, turns everything else read-only and runs COMMAND as a user without
rights. Whatever it leaves behind ends with it. Where namespaces are forbidden, as in some
containers, the command runs without them and ``$ACTIVECL_CONFINED`` says so. It imports nothing
of the kit: it starts once a student.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

NEW_MOUNTS, NEW_IPC, NEW_USER, NEW_PIDS, NEW_NET = 1 << 17, 1 << 27, 1 << 28, 1 << 29, 1 << 30
NO_SUID, NO_DEV, RECURSIVE, PRIVATE = 0x2, 0x4, 0x4000, 0x40000
MOUNT_SETATTR, FROM_HERE, ALL_BELOW, READ_ONLY = 442, -100, 0x8000, 1
NO_NEW_PRIVILEGES, DIE_WITH_PARENT = 38, 1
NOBODY = 65534


class Attributes(ctypes.Structure):
    """``struct mount_attr`` of mount_setattr(2)."""

    _fields_ = tuple((name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "user"))


def enter(folder: str) -> None:
    """Put this process into namespaces of its own. OSError: the system forbids it."""
    libc = ctypes.CDLL(None, use_errno=True)

    def call(name: str, *arguments: object) -> None:
        if getattr(libc, name)(*arguments):
            number = ctypes.get_errno()
            raise OSError(number, f"{name}: {os.strerror(number)}")

    user, group = os.getuid(), os.getgid()
    call("unshare", NEW_USER | NEW_MOUNTS | NEW_PIDS | NEW_NET | NEW_IPC)
    for file, line in {
        "setgroups": "deny",
        "uid_map": f"{NOBODY} {user} 1",
        "gid_map": f"{NOBODY} {group} 1",
    }.items():
        with open(f"/proc/self/{file}", "w") as written:
            written.write(line)
    call("mount", None, b"/", None, RECURSIVE | PRIVATE, None)
    read_only = Attributes(READ_ONLY, 0, 0, 0)
    libc.syscall.restype = ctypes.c_long
    size = ctypes.sizeof(read_only)
    call(
        "syscall", MOUNT_SETATTR, FROM_HERE, b"/", ALL_BELOW, ctypes.byref(read_only),
        ctypes.c_size_t(size),
    )  # fmt: skip
    options = f"size=64m,uid={NOBODY},gid={NOBODY}".encode()
    call("mount", b"tmpfs", folder.encode(), b"tmpfs", NO_SUID | NO_DEV, options)
    os.chdir(folder)
    call("prctl", NO_NEW_PRIVILEGES, 1, 0, 0, 0)


def main(folder: str, *command: str) -> int:
    os.chdir(folder)
    try:
        enter(folder)
        os.environ["ACTIVECL_CONFINED"] = "yes"
    except (OSError, AttributeError) as error:
        os.environ["ACTIVECL_CONFINED"] = ""
        os.environ["ACTIVECL_UNCONFINED"] = str(error)
    child = os.fork()  # the first of its process namespace: when it ends, all in it end
    if child == 0:
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
        os.execv(command[0], command)  # a user without rights loses the namespace's on exec
    status = os.waitpid(child, 0)[1]
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
