"""Reads a mode C meter with iec62056-21 (BSD-3-Clause): a plan on stdin, what it found on stdout, in JSON."""

import json
import sys

from iec62056_21.client import Iec6205621Client
from iec62056_21.messages import CommandMessage, DataSet


def value_of(data_set):
    return [data_set.value, data_set.unit]


plan = json.load(sys.stdin)
client = Iec6205621Client.with_tcp_transport(
    ("127.0.0.1", plan["port"]), device_address=plan["address"], password=plan["password"]
)
client.connect()
found = {}
listed = client.standard_readout()
found["identification"] = [client.manufacturer_id, client.switchover_baudrate_char, client.identification]
found["readout"] = {one.address: value_of(one) for one in listed.data if one.address}
client.send_break()
if plan["password"]:
    challenge = client.access_programming_mode()
    found["challenge"] = f"{challenge.command}{challenge.command_type}"
    # Release 0.0.2 cannot build its own password message; its parts can.
    told = DataSet(address="", value=plan["password"])
    client.transport.send(CommandMessage(command="P", command_type=1, data_set=told).to_bytes())
    found["admitted"] = client._recv_ack()
    found["single"] = {item: value_of(client.read_single_value(item)) for item in plan["items"]}
    for kind in (5, 6):
        asked = DataSet(address="P.01", value=plan["range"] + (";7" if kind == 6 else ""))
        client.transport.send(CommandMessage(command="R", command_type=kind, data_set=asked).to_bytes())
        # Its transport checks each block and puts them together; the rows are left as they came.
        found[f"profile R{kind}"] = client.transport.read().decode("ascii")
    client.send_break()
client.disconnect()
json.dump(found, sys.stdout)
