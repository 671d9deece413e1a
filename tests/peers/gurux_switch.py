"""Opens and closes the switch of one meter with gurux-dlms, limits it and sets its clock: a plan as JSON on
stdin, how the meter stood after each step as JSON on stdout.

Runs in .venv-peers only, as a process of its own: gurux-dlms stands under the GPL.
"""

import contextlib
import datetime
import json
import sys

from gurux_client import Reader
from gurux_dlms import GXDateTime
from gurux_dlms.enums import DataType
from gurux_dlms.objects import GXDLMSClock, GXDLMSDisconnectControl, GXDLMSLimiter


def stands(reader, switch):
    return [reader.read(switch, 2), int(reader.read(switch, 3)), int(reader.read(switch, 4))]


def refused(reader, frames):
    try:
        reader.all(frames)
    except RuntimeError as error:
        return str(error)
    return ""


def run(plan):
    reader = Reader(plan)
    reader.open()
    client = reader.client
    switch, limiter, clock = (
        GXDLMSDisconnectControl(plan["switch"]),
        GXDLMSLimiter(plan["limiter"]),
        GXDLMSClock(),
    )
    found = {"before": stands(reader, switch)}
    reader.all(switch.remoteDisconnect(client))
    found["opened"] = stands(reader, switch)
    found["again"] = refused(reader, switch.remoteDisconnect(client))
    reader.all(switch.remoteReconnect(client))
    found["closed"] = stands(reader, switch)
    limiter.thresholdNormal = plan["limit"]
    limiter.setDataType(4, DataType.UINT32)
    reader.all(client.write(limiter, 4))
    found["limit"] = [reader.read(limiter, 3), reader.read(limiter, 4)]
    clock.time = GXDateTime(datetime.datetime.fromisoformat(plan["time"]))
    reader.all(client.write(clock, 2))
    found["clock"] = reader.read(clock, 2).value.isoformat()
    reader.close()
    return found


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):  # it prints of its own accord
        document = run(json.load(sys.stdin))
    json.dump(document, sys.stdout)
