"""A listening socket that lets nobody new in, while those who are in already are still served."""

from __future__ import annotations

import ctypes
import socket
import struct
from typing import Any

_ATTACH_FILTER = 26  # SO_ATTACH_FILTER of Linux
_PACKETS_BUT_FIRST_ONES = (
    (0x30, 0, 0, 13),  # load the flags of TCP
    (0x54, 0, 0, 0x12),  # keep SYN and ACK
    (0x15, 0, 1, 0x02),  # SYN alone, which asks for a connection?
    (0x06, 0, 0, 0),  # drop it
    (0x06, 0, 0, 0xFFFFFFFF),  # take it
)


def refuse_newcomers(listener: Any) -> None:
    """Drop what asks for a connection, so that its sender asks again: where another server listens by then.

    Closing the socket instead would cut off those who have a connection that nobody has taken yet.
    """
    program = b"".join(struct.pack("HBBI", *instruction) for instruction in _PACKETS_BUT_FIRST_ONES)
    kept = ctypes.create_string_buffer(program)
    described = struct.pack("HL", len(_PACKETS_BUT_FIRST_ONES), ctypes.addressof(kept))
    try:
        listener.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, described)
    except OSError:
        listener.listen(0)  # no Linux: as few as can be
