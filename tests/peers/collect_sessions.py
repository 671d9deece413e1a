"""Whole sessions with simulated meters by a foreign client: the peer's name as an argument, a plan on stdin.

A session is: connect, AARQ with a password, clock, register, the rows of one day, release. The plan (JSON)
has `meters` (host, port, serial, password), `core`, `warm_up`, and what all meters have in common; printed is
what the sessions cost and what each meter said, as JSON. Runs in .venv-peers only, as a process of its own:
gurux-dlms stands under the GPL, dlms-cosem under the BSL.

dlms-cosem writes a line of log for everything it does, unless it is told not to (`quiet` in the plan). One
session after the other over a blocking socket is the cheapest way they have.
"""

import contextlib
import datetime
import json
import os
import resource
import socket
import sys
import time


def dlms_cosem(plan):
    import logging

    import structlog

    if plan["quiet"]:
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    from dlms_cosem import a_xdr, cosem, enumerations
    from dlms_cosem.client import DlmsClient
    from dlms_cosem.cosem.capture_object import CaptureObject
    from dlms_cosem.cosem.selective_access import RangeDescriptor
    from dlms_cosem.io import BlockingTcpIO, TcpTransport
    from dlms_cosem.parsers import ProfileGenericBufferParser
    from dlms_cosem.security import LowLevelSecurityAuthentication
    from dlms_cosem.time import datetime_from_bytes

    def attribute(name):
        class_id, obis, number = name
        return cosem.CosemAttribute(
            enumerations.CosemInterface(class_id), cosem.Obis.from_string(obis + ".255"), number
        )

    def value(raw):
        conf = a_xdr.EncodingConf(attributes=[a_xdr.Sequence(attribute_name="data")])
        return a_xdr.AXdrDecoder(encoding_conf=conf).decode(raw)["data"]

    clock, register, profile = (attribute(plan[name]) for name in ("clock", "register", "profile"))
    columns = [attribute(name) for name in plan["columns"]]
    parser = ProfileGenericBufferParser(columns, 30)
    first, last = (datetime.datetime.fromisoformat(plan[end]) for end in ("first", "last"))
    restricting = CaptureObject(cosem_attribute=columns[0], data_index=0)

    def session(meter):
        transport = TcpTransport(
            plan["client"], meter["address"], BlockingTcpIO(meter["host"], meter["port"])
        )
        client = DlmsClient(transport, LowLevelSecurityAuthentication(meter["password"].encode()))
        client.connect()
        client.associate()
        now, _ = datetime_from_bytes(value(client.get(clock)))
        index = value(client.get(register))
        asked = RangeDescriptor(restricting_object=restricting, from_value=first, to_value=last)
        rows = parser.parse_bytes(client.get(profile, asked))
        client.release_association()
        client.disconnect()
        return now, index, [(row[0].value, row[-1].value) for row in rows]

    return session


def gurux(plan):
    from gurux_dlms import GXByteBuffer, GXReplyData
    from gurux_dlms.enums import Authentication, InterfaceType
    from gurux_dlms.objects import (
        GXDLMSCaptureObject,
        GXDLMSClock,
        GXDLMSData,
        GXDLMSProfileGeneric,
        GXDLMSRegister,
    )
    from gurux_dlms.secure import GXDLMSSecureClient

    kinds = {1: GXDLMSData, 3: GXDLMSRegister, 8: GXDLMSClock}
    first, last = (datetime.datetime.fromisoformat(plan[end]) for end in ("first", "last"))

    def item(name):
        class_id, obis, _ = name
        return kinds[class_id](obis + ".255")

    def session(meter):
        line = socket.create_connection((meter["host"], meter["port"]), 10)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client = GXDLMSSecureClient(
            True, plan["client"], meter["address"], Authentication.LOW, meter["password"],
            InterfaceType.WRAPPER,
        )  # fmt: skip
        client.maxReceivePDUSize = 65535

        def ask(frames):
            reply = GXReplyData()
            for frame in frames if isinstance(frames, list) else [frames]:
                reply.data = GXByteBuffer()
                exchange(frame, reply)
                while reply.isMoreData():
                    exchange(client.receiverReady(reply), reply)
            return reply

        def exchange(frame, reply):
            line.sendall(bytes(frame))
            received, notify = GXByteBuffer(), GXReplyData()
            while True:
                chunk = line.recv(65536)
                if not chunk:
                    raise ConnectionError("the meter hung up")
                received.set(chunk)
                if client.getData(received, reply, notify):
                    break
            if reply.error:
                raise RuntimeError(f"error {reply.error}: {reply.getErrorMessage()}")

        client.parseAareResponse(ask(client.aarqRequest()).data)
        clock, register = item(plan["clock"]), item(plan["register"])
        client.updateValue(clock, 2, ask(client.read(clock, 2)).value)
        index = client.updateValue(register, 2, ask(client.read(register, 2)).value)
        profile = GXDLMSProfileGeneric(plan["profile"][1] + ".255")
        profile.captureObjects = [
            (item(name), GXDLMSCaptureObject(name[2], 0)) for name in plan["columns"]
        ]  # fmt: skip
        client.updateValue(profile, 2, ask(client.readRowsByRange(profile, first, last)).value)
        ask(client.releaseRequest())
        line.close()
        return clock.time.value, index, [(row[0].value, row[-1]) for row in profile.buffer]

    return session


def checked(said, plan):
    """What a meter said, in numbers: the clock, the register, rows, their stamps and their energies."""
    now, index, rows = said
    stamps = sum(int(stamp.timestamp()) for stamp, _ in rows)
    return [int(now.timestamp()), int(index), len(rows), stamps, sum(int(wh) for _, wh in rows)]


def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def run(peer, plan):
    if plan.get("core") is not None:
        os.sched_setaffinity(0, {plan["core"]})
    session = {"dlms-cosem": dlms_cosem, "gurux-dlms": gurux}[peer](plan)
    meters = plan["meters"]
    for meter in meters[: plan["warm_up"]]:
        session(meter)
    wall, used = time.perf_counter(), cpu()
    said = [session(meter) for meter in meters]
    seconds, used = time.perf_counter() - wall, cpu() - used
    return {
        "sessions": len(meters),
        "seconds": seconds,
        "cpu_seconds": used,
        "said": {meter["serial"]: checked(one, plan) for meter, one in zip(meters, said, strict=True)},
    }


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):  # gurux prints of its own accord
        document = run(sys.argv[1], json.load(sys.stdin))
    json.dump(document, sys.stdout)
