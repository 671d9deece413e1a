"""Reads one meter with gurux-dlms as a client: a plan as JSON on stdin, what was read as JSON on stdout.

Runs in .venv-peers only, as a process of its own: gurux-dlms stands under the GPL.
"""

import contextlib
import datetime
import json
import math
import socket
import sys

from gurux_dlms import GXByteBuffer, GXReplyData
from gurux_dlms.enums import Authentication, InterfaceType, ObjectType, Security
from gurux_dlms.objects import GXDLMSClock, GXDLMSProfileGeneric, GXDLMSRegister
from gurux_dlms.secure import GXDLMSSecureClient

AUTHENTICATION = {"none": Authentication.NONE, "lls": Authentication.LOW, "gmac": Authentication.HIGH_GMAC}


class Reader:
    """One association over one socket."""

    def __init__(self, plan):
        hdlc = plan["framing"] == "hdlc"
        self.client = GXDLMSSecureClient(
            True,
            plan["client"],
            plan["server"],
            AUTHENTICATION[plan["auth"]],
            plan.get("password"),
            InterfaceType.HDLC if hdlc else InterfaceType.WRAPPER,
        )
        self.client.maxReceivePDUSize = plan["max_pdu"]
        if plan["auth"] == "gmac":
            ciphering = self.client.ciphering
            ciphering.security = Security.AUTHENTICATION_ENCRYPTION
            ciphering.systemTitle = bytearray.fromhex(plan["system_title"])
            ciphering.blockCipherKey = bytearray.fromhex(plan["encryption_key"])
            ciphering.authenticationKey = bytearray.fromhex(plan["authentication_key"])
            ciphering.invocationCounter = plan["counter"]
        self.hdlc = hdlc
        self.requests = 0
        ends, patience = (plan["host"], plan["port"]), plan.get("timeout", 10)
        if plan["framing"] == "udp":
            self.line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.line.settimeout(patience)
            self.line.connect(ends)
        else:
            self.line = socket.create_connection(ends, patience)

    def ask(self, frame):
        """One frame and everything that comes back for it."""
        reply = GXReplyData()
        reply.data = GXByteBuffer()
        notify = GXReplyData()
        self.frame(frame, reply, notify)
        while reply.isMoreData():
            self.frame(None if reply.isStreaming() else self.client.receiverReady(reply), reply, notify)
        return reply

    def frame(self, frame, reply, notify):
        if frame is not None:
            self.requests += 1
            self.line.sendall(bytes(frame))
        reply.error = 0
        received = GXByteBuffer()
        while True:
            chunk = self.line.recv(65536)
            if not chunk:
                raise ConnectionError("the meter hung up")
            received.set(chunk)
            if self.client.getData(received, reply, notify):
                break
        if reply.error:
            raise RuntimeError(f"error {reply.error}: {reply.getErrorMessage()}")

    def all(self, frames):
        reply = None
        for frame in frames if isinstance(frames, list) else [frames]:
            reply = self.ask(frame)
        return reply

    def open(self):
        if self.hdlc:
            self.client.parseUAResponse(self.ask(self.client.snrmRequest()).data)
        self.client.parseAareResponse(self.all(self.client.aarqRequest()).data)
        if self.client.authentication > Authentication.LOW:
            answer = self.all(self.client.getApplicationAssociationRequest())
            self.client.parseApplicationAssociationResponse(answer.data)

    def read(self, item, attribute):
        reply = self.all(self.client.read(item, attribute))
        return self.client.updateValue(item, attribute, reply.value)

    def close(self):
        self.all(self.client.releaseRequest())
        if self.hdlc:
            self.ask(self.client.disconnectRequest())
        self.line.close()


def instant(stamp):
    """A clock value as ISO 8601 with its offset."""
    return stamp.value.isoformat()


def table(profile):
    return [[instant(c) if hasattr(c, "value") else c for c in row] for row in profile.buffer]


def run(plan):
    reader = Reader(plan)
    reader.open()
    client, found = reader.client, {"registers": {}}
    reply = reader.ask(client.getObjectsRequest())
    client.parseObjects(reply.data, False)
    found["objects"] = sorted([int(one.objectType), one.logicalName] for one in client.objects)
    clock = GXDLMSClock()
    reader.read(clock, 2)
    found["clock"] = instant(clock.time)
    for name in plan["registers"]:
        register = GXDLMSRegister(name)
        raw = reader.read(register, 2)
        reader.read(register, 3)
        found["registers"][name] = {
            "raw": raw,
            "scaler": round(math.log10(register.scaler)),
            "unit": int(register.unit),
        }
    profile = next(one for one in client.objects.getObjects(ObjectType.PROFILE_GENERIC)
                   if one.logicalName == plan["profile"])  # fmt: skip
    assert isinstance(profile, GXDLMSProfileGeneric)
    reader.read(profile, 3)
    found["columns"] = [
        [int(one.objectType), one.logicalName, column.attributeIndex]
        for one, column in profile.captureObjects
    ]
    for attribute, name in ((7, "in_use"), (8, "capacity"), (4, "period")):
        found[name] = reader.read(profile, attribute)
    first, last = (datetime.datetime.fromisoformat(plan[end]) for end in ("first", "last"))
    before = reader.requests
    reply = reader.all(client.readRowsByRange(profile, first, last))
    client.updateValue(profile, 2, reply.value)
    found["by_range"], found["range_requests"] = table(profile), reader.requests - before
    index, count = plan["entries"]
    reply = reader.all(client.readRowsByEntry(profile, index, count))
    client.updateValue(profile, 2, reply.value)
    found["by_entry"] = table(profile)
    found["max_pdu"] = client.maxReceivePDUSize
    reader.close()
    return found


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):  # it prints of its own accord
        document = run(json.load(sys.stdin))
    json.dump(document, sys.stdout)
