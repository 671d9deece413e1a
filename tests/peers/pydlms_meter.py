"""Serves the simulated meter of pydlms-client: a plan as a JSON line on stdin, its contents as one on stdout.

Runs in .venv-peers only, as a process of its own, until stdin ends: pydlms-client stands under the GPL.
"""

import json
import sys

from pydlms import Mechanism
from pydlms.cosem.data import DlmsData
from pydlms.cosem.interface_classes import ClassId
from pydlms.cosem.time import CosemDateTime
from pydlms.obis import ObisCode
from pydlms.simulator import ClientProfile, example_meter, serve

CLIENTS = {
    "none": (16, Mechanism.NONE),
    "lls": (17, Mechanism.LLS),
    "gmac": (1, Mechanism.HLS_GMAC),
    "hls": (32, Mechanism(2)),
    "hls-md5": (33, Mechanism(3)),
    "hls-sha1": (34, Mechanism(4)),
    "hls-sha256": (36, Mechanism(6)),
}


def meter(plan):
    """The example meter with one client for each way of proving who one is."""
    keys = {}
    if "encryption_key" in plan:
        keys = {name: bytes.fromhex(plan[name]) for name in ("encryption_key", "authentication_key")}
    made = example_meter(max_pdu=plan["max_pdu"], **keys)
    for auth in plan["auth"]:
        client, mechanism = CLIENTS[auth]
        secret = None if auth in ("none", "gmac") else plan["password"].encode()
        made.clients[client] = ClientProfile(mechanism, secret=secret, ciphered=auth == "gmac")
    if plan.get("switch"):
        told(made)
    return made


def told(made):
    """A whole disconnect control (mode 4) in the place of the example's, and a limiter."""
    switch, limiter = "0.0.96.3.10.255", "0.0.17.0.0.255"

    def move(closed):
        def moved(meter, params):
            attributes = meter.objects[int(ClassId.DISCONNECT_CONTROL), ObisCode.parse(switch)]
            attributes[2], attributes[3] = DlmsData.boolean(closed), DlmsData.enum(int(closed))

        return moved

    attributes = {2: DlmsData.boolean(True), 3: DlmsData.enum(1), 4: DlmsData.enum(4)}
    made.add_object(ClassId.DISCONNECT_CONTROL, switch, attributes, base_name=0x4000)
    made.add_method(ClassId.DISCONNECT_CONTROL, switch, 1, move(False))
    made.add_method(ClassId.DISCONNECT_CONTROL, switch, 2, move(True))
    thresholds = {3: DlmsData.uint32(9000), 4: DlmsData.uint32(9000)}
    made.add_object(ClassId.LIMITER, limiter, thresholds, base_name=0x4100)


def instant(data):
    return CosemDateTime.from_bytes(data.value).to_datetime().isoformat()


def held(made):
    """What is in it, said by itself."""
    objects = {(int(class_id), str(name)): held for (class_id, name), held in made.objects.items()}
    registers = {
        name: [attributes[2].value, attributes[3].value[0].value, int(attributes[3].value[1].value)]
        for (class_id, name), attributes in objects.items()
        if class_id == 3
    }
    rows = [
        [instant(row.value[0]), *(cell.value for cell in row.value[1:])]
        for row in objects[7, "1.0.99.1.0.255"][2].value
    ]
    return {
        "registers": registers,
        "clock": instant(objects[8, "0.0.1.0.0.255"][2]),
        "rows": rows,
        "objects": sorted([class_id, name] for class_id, name in objects),
    }


def main():
    plan = json.loads(sys.stdin.readline())
    made = meter(plan)
    ports = {}
    for framing in ("wrapper", "hdlc"):
        server = serve(made, port=plan[framing], hdlc=framing == "hdlc", hdlc_window=plan.get("window", 1))
        ports[framing] = server.server_address[1]
    print(json.dumps({"ports": ports, "system_title": made.system_title.hex(), **held(made)}), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
