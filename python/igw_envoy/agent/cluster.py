"""What the rest of the cluster exposes, asked of the daemon where that is quick."""
import json
import socket
import threading
import time
from typing import Optional

from .. import Facts

#: How long an answer may take, in seconds. `set` takes more than a second by itself; a daemon that is
#: slower than this is busy, and the sidecar reports conflicts anyway.
PATIENCE = 0.5


def in_daemon() -> bool:
    """Whether this is the daemon, which works in threads, and not a command."""
    return threading.current_thread() is not threading.main_thread()


def facts() -> Optional[Facts]:
    """The daemon's status as :class:`Facts`, or None.

    None inside the daemon: there, a configuration is judged by itself alone, so that every node comes
    to the same verdict.
    """
    if in_daemon():
        return None
    try:
        from env import Env

        return Facts(status=_ask(Env.paths.lsnruxsock))
    except Exception:  # no daemon, or a busy one: a conflict is then found by the sidecar
        return None


def _ask(path: str) -> bytes:
    deadline = time.monotonic() + PATIENCE
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE)
        client.connect(path)
        client.sendall(json.dumps({"action": "daemon_status"}).encode("ascii") + b"\0")
        reply = bytearray()
        while not reply.endswith(b"\0"):
            client.settimeout(max(deadline - time.monotonic(), 0.001))
            piece = client.recv(1 << 18)
            if not piece:
                break
            reply += piece
    return bytes(reply.rstrip(b"\0"))
