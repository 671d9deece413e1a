"""One timed run of a foreign implementation: PEER TASK SIZE as arguments, the task's input as hex on stdin.

Prints what `ami.bench.engine.Figures` holds, as a JSON list. Runs in .venv-peers only, as a process of its
own: gurux-dlms stands under the GPL, dlms-cosem under the BSL.
"""

import datetime
import hashlib
import json
import sys
import time

CLOCK = "0.0.1.0.0.255"
STATUS, REGISTERS = "0.0.96.10.1.255", [f"1.0.{number}.8.0.255" for number in range(1, 7)]


def dlms_cosem(task, given):
    """What to time, and what makes a checksum of its result."""
    if task == "fcs":
        from dlms_cosem.crc import CRCCCITT

        crc = CRCCCITT()
        return lambda: crc.calculate_for(given), bytes.hex
    from dlms_cosem import cosem, enumerations
    from dlms_cosem.parsers import ProfileGenericBufferParser
    from dlms_cosem.protocol.xdlms import GetResponseNormal

    if task == "decode":
        kinds = enumerations.CosemInterface
        captured = [(kinds.CLOCK, CLOCK), (kinds.DATA, STATUS), *((kinds.REGISTER, one) for one in REGISTERS)]
        parser = ProfileGenericBufferParser(
            [cosem.CosemAttribute(kind, cosem.Obis.from_string(name), 2) for kind, name in captured], 30
        )

        def decode():
            return parser.parse_bytes(GetResponseNormal.from_bytes(given).data)

        def checksum(rows):
            stamps = sum(int(row[0].value.timestamp()) for row in rows)
            return f"{stamps}/{sum(cell.value for row in rows for cell in row[1:])}"

        return decode, checksum
    from dlms_cosem import dlms_data

    rows = split(given)

    def encode():
        table = []
        for stamp, status, registers in rows:
            cells = [dlms_data.OctetStringData(stamp), dlms_data.UnsignedIntegerData(status)]
            cells.extend([dlms_data.DoubleLongUnsignedData(value) for value in registers])
            table.append(dlms_data.DataStructure(cells))
        return dlms_data.DataArray(table).to_bytes()

    return encode, digest


def gurux(task, given):
    if task == "fcs":
        from gurux_dlms._GXFCS16 import _GXFCS16

        count = len(given)
        given = bytearray(given)
        return lambda: _GXFCS16.countFCS16(given, 0, count), lambda found: found.to_bytes(2, "big").hex()
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

    client = GXDLMSSecureClient(True, 16, 1, Authentication.NONE, None, InterfaceType.WRAPPER)
    if task == "decode":
        profile = GXDLMSProfileGeneric("1.0.99.1.0.255")
        captured = [GXDLMSClock(CLOCK), GXDLMSData(STATUS), *map(GXDLMSRegister, REGISTERS)]
        profile.captureObjects = [(one, GXDLMSCaptureObject(2, 0)) for one in captured]
        frame = bytes((0, 1, 0, 1, 0, 16)) + len(given).to_bytes(2, "big") + given

        def decode():
            received = GXByteBuffer()
            received.set(frame)
            profile.buffer = []  # it appends
            reply = GXReplyData()
            reply.data = GXByteBuffer()
            client.getData(received, reply, GXReplyData())
            client.updateValue(profile, 2, reply.value)
            return profile.buffer

        def checksum(rows):
            stamps = sum(int(row[0].value.timestamp()) for row in rows)
            return f"{stamps}/{sum(cell for row in rows for cell in row[1:])}"

        return decode, checksum
    from gurux_dlms import GXArray, GXStructure, GXUInt8, GXUInt32
    from gurux_dlms.enums import DataType
    from gurux_dlms.internal._GXCommon import _GXCommon

    rows = split(given)

    def encode():
        table = GXArray()
        for stamp, status, registers in rows:
            cells = GXStructure()
            cells.append(stamp)
            cells.append(GXUInt8(status))
            cells.extend([GXUInt32(value) for value in registers])
            table.append(cells)
        buffer = GXByteBuffer()
        _GXCommon.setData(client.settings, buffer, DataType.ARRAY, table)
        return buffer.array()

    return encode, digest


def split(profile):
    """The stamp (bytes), status and registers of each row of an encoded profile of at most 127 rows."""
    size = (len(profile) - 2) // profile[1]
    rows = [profile[at : at + size] for at in range(2, len(profile), size)]
    return [
        (
            bytearray(row[4:16]),
            row[17],
            [int.from_bytes(row[at + 1 : at + 5], "big") for at in range(18, 48, 5)],
        )
        for row in rows
    ]


def digest(encoded):
    return hashlib.sha256(bytes(encoded)).hexdigest()[:16]


def run(peer, task, size, given):
    timed, checksum = {"dlms-cosem": dlms_cosem, "gurux-dlms": gurux}[peer](task, given)
    for _ in range(size):
        timed()
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(size):
        found = timed()
    seconds, cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
    with open("/proc/self/status") as lines:  # getrusage would count what started this process, too
        peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024
    return [seconds, cpu_seconds, peak, size, checksum(found)]


if __name__ == "__main__":
    assert datetime.UTC
    print(json.dumps(run(sys.argv[1], sys.argv[2], int(sys.argv[3]), bytes.fromhex(sys.stdin.read()))))
