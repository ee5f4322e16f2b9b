"""The processes below one, read from /proc. Linux."""

import pathlib


def _fields(stat):
    """Those after the process's name: its state, its parent, and so on."""
    return stat.read_text().rpartition(")")[2].split()


def is_running(pid):
    try:
        return _fields(pathlib.Path(f"/proc/{pid}/stat"))[0] != "Z"
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
        if fields[0] != "Z":
            children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, rest = set(), [pid]
    while rest:
        below = children.get(rest.pop(), [])
        found.update(below)
        rest += below
    return found
