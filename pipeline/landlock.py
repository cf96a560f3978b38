"""Linux Landlock (man 7 landlock): open what the task was given, and nothing else."""

import ctypes
import os
import struct
from collections.abc import Iterable
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_PR_SET_NO_NEW_PRIVS = 38
_RULE_PATH_BENEATH = 1
_VERSION = 1 << 0

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
HANDLED = (1 << 13) - 1
"""All rights of the first version: those over files and folders, making and removing included."""
READ = EXECUTE | READ_FILE | READ_DIR
FILE_RIGHTS = EXECUTE | WRITE_FILE | READ_FILE
"""Those that mean something on what is not a folder."""

_libc = ctypes.CDLL(None, use_errno=True)


def version() -> int:
    """Of the kernel's Landlock; 0 where there is none."""
    found = _libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION))
    return max(0, int(found))


def restrict(read: Iterable[Path], write: Iterable[Path]) -> bool:
    """From now on this process and its children open only what lies in these paths.

    False, and nothing changed, where the kernel has no Landlock. What is not there is left out.
    """
    if version() < 1:
        return False
    attributes = struct.pack("=Q", HANDLED)
    ruleset = int(
        _libc.syscall(
            _CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0)
        )
    )
    if ruleset < 0:
        return False
    try:
        for paths, rights in ((read, READ), (write, HANDLED)):
            for path in paths:
                _allow(ruleset, path, rights)
        if _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
            return False
        return int(_libc.syscall(_RESTRICT_SELF, ruleset, ctypes.c_uint32(0))) == 0
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: Path, rights: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        allowed = rights if path.is_dir() else rights & FILE_RIGHTS
        rule = struct.pack("=Qi", allowed, handle)
        _libc.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, rule, ctypes.c_uint32(0))
    finally:
        os.close(handle)
