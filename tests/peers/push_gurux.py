"""Builds pushes with gurux-dlms: jobs as JSON on stdin, the frames (hex, in the wrapper) as JSON on stdout.

Runs in .venv-peers only, as a process of its own: gurux-dlms stands under the GPL.
"""

import contextlib
import json
import sys
from datetime import datetime

from gurux_dlms import GXByteBuffer, GXDateTime
from gurux_dlms.enums import DataType, InterfaceType, Security
from gurux_dlms.internal._GXCommon import _GXCommon
from gurux_dlms.secure import GXDLMSSecureNotify


def value(buffer, told):
    """One value into the buffer, as gurux writes it."""
    kind, what = told
    if kind == "octets":
        what = bytearray.fromhex(what)
    elif kind == "clock":
        what = GXDateTime(datetime.fromisoformat(what))
        kind = "octets"
    elif kind == "rows":
        buffer.setUInt8(DataType.ARRAY)
        _GXCommon.setObjectCount(len(what), buffer)
        for row in what:
            structure(buffer, row)
        return
    types = {"octets": DataType.OCTET_STRING, "u32": DataType.UINT32, "u8": DataType.UINT8}
    _GXCommon.setData(None, buffer, types[kind], what)


def structure(buffer, values):
    """A structure of values."""
    buffer.setUInt8(DataType.STRUCTURE)
    _GXCommon.setObjectCount(len(values), buffer)
    for told in values:
        value(buffer, told)


def push(job):
    """The frames of one push."""
    notify = GXDLMSSecureNotify(True, 1, 1, InterfaceType.WRAPPER)
    notify.maxReceivePDUSize = 0xFFFF
    if "keys" in job:
        keys, cipher = job["keys"], notify.ciphering
        cipher.security = Security.AUTHENTICATION_ENCRYPTION
        cipher.systemTitle = bytearray.fromhex(keys["title"])
        cipher.blockCipherKey = bytearray.fromhex(keys["encryption_key"])
        cipher.authenticationKey = bytearray.fromhex(keys["authentication_key"])
        cipher.invocationCounter = keys["counter"]
    body = GXByteBuffer()
    structure(body, job["values"])
    stamp = datetime.fromisoformat(job["stamp"]) if job.get("stamp") else None
    return [
        bytes(frame.array() if hasattr(frame, "array") else frame)
        for frame in notify.generateDataNotificationMessages(stamp, body)
    ]


if __name__ == "__main__":
    plan = json.load(sys.stdin)
    with contextlib.redirect_stdout(sys.stderr):  # it prints what it ciphers
        frames = [[frame.hex() for frame in push(job)] for job in plan["jobs"]]
    print(json.dumps(frames))
