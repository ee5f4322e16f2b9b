"""The processes below one, read from /proc. Linux."""

import pathlib


def _fields(stat):
    """Those after the process's name: its state, its parent, and so on."""
    return stat.read_text().rpartition(")")[2].split()


def _has_ended(process, state):
    """Where only its first thread has, the others still hold its files and ports."""
    return state == "Z" and len(list(process.glob("task/*"))) < 2


def is_running(pid):
    process = pathlib.Path(f"/proc/{pid}")
    try:
        return not _has_ended(process, _fields(process / "stat")[0])
    except OSError:
        return False


def descendants(pid):
    """The processes below `pid` that have not ended, whatever their session."""
    children = {}
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = _fields(stat)
        except OSError:
            continue
        if not _has_ended(stat.parent, fields[0]):
            children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, rest = set(), [pid]
    while rest:
        below = children.get(rest.pop(), [])
        found.update(below)
        rest += below
    return found
