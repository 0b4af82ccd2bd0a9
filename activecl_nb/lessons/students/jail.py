"""Run a command where it can do no harm: no network, a disk that only reads, an empty folder.

``python jail.py FOLDER HIDDEN SHOWN COMMAND ...`` makes namespaces of its own (Linux; no root
needed), mounts 64 MB of memory over FOLDER, and nothing over the folders HIDDEN but for what
folders SHOWN lie in them (both as JSON), turns everything else read-only and runs COMMAND as a
user without rights, who sees no other processes. Whatever it leaves behind ends with it. Where
namespaces are forbidden, as in some containers, the command runs without them and
``$ACTIVECL_CONFINED`` says so. It imports nothing of the kit: it starts once a student.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import sys

NEW_MOUNTS, NEW_IPC, NEW_USER, NEW_PIDS, NEW_NET = 1 << 17, 1 << 27, 1 << 28, 1 << 29, 1 << 30
NO_SUID, NO_DEV, BIND, RECURSIVE, PRIVATE = 0x2, 0x4, 0x1000, 0x4000, 0x40000
MOUNT_SETATTR, FROM_HERE, ALL_BELOW, READ_ONLY = 442, -100, 0x8000, 1
NO_NEW_PRIVILEGES, DIE_WITH_PARENT = 38, 1
NOBODY = 65534


class Attributes(ctypes.Structure):
    """``struct mount_attr`` of mount_setattr(2)."""

    _fields_ = tuple((name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "user"))


def call(name: str, *arguments: object) -> None:
    """Call this function of the C library. OSError: it failed."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    if getattr(libc, name)(*arguments):
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def hide(path: str, shown: list[str]) -> None:
    """Mount an empty folder over this one, and into it again those that it must show."""
    path = os.path.realpath(path)
    # A folder by its own name too, since a link to it may be what is asked for.
    named = [
        os.path.join(os.path.realpath(os.path.dirname(one)), os.path.basename(one)) for one in shown
    ]
    inside = {
        one
        for one in (*map(os.path.realpath, shown), *named)
        if os.path.isdir(one) and os.path.join(one, "").startswith(os.path.join(path, ""))
    }
    if path in inside or path == "/" or not os.path.isdir(path):
        return
    kept = {one: os.open(one, os.O_PATH) for one in sorted(inside)}
    call("mount", b"tmpfs", os.fsencode(path), b"tmpfs", NO_SUID | NO_DEV, b"size=1m,mode=755")
    for one, opened in kept.items():
        os.makedirs(one, exist_ok=True)
        source = f"/proc/self/fd/{opened}".encode()
        call("mount", source, os.fsencode(one), None, BIND | RECURSIVE, None)
        os.close(opened)


def enter(folder: str, hidden: list[str], shown: list[str]) -> None:
    """Put this process into namespaces of its own. OSError: the system forbids it."""
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
    for path in hidden:
        hide(path, shown)
    read_only = Attributes(READ_ONLY, 0, 0, 0)
    size = ctypes.sizeof(read_only)
    call(
        "syscall", MOUNT_SETATTR, FROM_HERE, b"/", ALL_BELOW, ctypes.byref(read_only),
        ctypes.c_size_t(size),
    )  # fmt: skip
    options = f"size=64m,uid={NOBODY},gid={NOBODY}".encode()
    call("mount", b"tmpfs", os.fsencode(folder), b"tmpfs", NO_SUID | NO_DEV, options)
    os.chdir(folder)
    call("prctl", NO_NEW_PRIVILEGES, 1, 0, 0, 0)


def main(folder: str, hidden: str, shown: str, *command: str) -> int:
    os.chdir(folder)
    try:
        enter(folder, json.loads(hidden), [folder, *json.loads(shown)])
        os.environ["ACTIVECL_CONFINED"] = "yes"
    except (OSError, AttributeError) as error:
        os.environ["ACTIVECL_CONFINED"] = ""
        os.environ["ACTIVECL_UNCONFINED"] = str(error)
    child = os.fork()  # the first of its process namespace: when it ends, all in it end
    if child == 0:
        if os.environ["ACTIVECL_CONFINED"]:
            with contextlib.suppress(OSError):  # forbidden where parts of /proc are hidden
                call("mount", b"proc", b"/proc", b"proc", NO_SUID | NO_DEV, None)
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
        os.execv(command[0], command)  # a user without rights loses the namespace's on exec
    status = os.waitpid(child, 0)[1]
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
