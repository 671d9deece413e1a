"""Reads one meter with pydlms-client as a client: a plan as JSON on stdin, what was read as JSON on stdout.

Runs in .venv-peers only, as a process of its own: pydlms-client stands under the GPL.
"""

import datetime
import json
import sys

from pydlms import DlmsClient, Mechanism, SecurityContext
from pydlms.apdu.xdlms import date_time_value, entry_descriptor, range_descriptor

AUTHENTICATION = {"none": Mechanism.NONE, "lls": Mechanism.LLS, "gmac": Mechanism.HLS_GMAC}


def connect(plan):
    """The association that the plan asks for."""
    settings = {"max_receive_pdu_size": plan["max_pdu"], **plan.get("settings", {})}
    if plan["auth"] == "lls":
        settings["password"] = plan["password"].encode()
    if plan["auth"] == "gmac":
        settings["security"] = SecurityContext(
            encryption_key=bytes.fromhex(plan["encryption_key"]),
            authentication_key=bytes.fromhex(plan["authentication_key"]),
            client_system_title=bytes.fromhex(plan["system_title"]),
            invocation_counter=plan["counter"],
        )
        settings["discover_invocation_counter"] = plan.get("discover", False)
    return DlmsClient.tcp(
        plan["host"],
        plan["port"],
        client_sap=plan["client"],
        server_logical=plan["server"],
        hdlc=plan["framing"] == "hdlc",
        timeout=plan.get("timeout", 10),
        mechanism=AUTHENTICATION[plan["auth"]],
        **settings,
    )


def instant(stamp):
    """A clock value as ISO 8601 with its offset."""
    return stamp.to_datetime().isoformat()


def rows(buffer):
    return [[instant(cell) if hasattr(cell, "to_datetime") else cell for cell in row] for row in buffer.rows]


def run(plan):
    with connect(plan) as meter:
        found = {"registers": {}}
        view = meter.get_association_view()
        found["objects"] = sorted([int(one.class_id), str(one.logical_name)] for one in view)
        found["rights_unread"] = [str(one.logical_name) for one in view if one.rights is None]
        found["clock"] = instant(meter.get_clock())
        for name in plan["registers"]:
            raw = meter.get(name, 3, 2).value
            pair = meter.get(name, 3, 3).value
            found["registers"][name] = {"raw": raw, "scaler": pair[0].value, "unit": int(pair[1].value)}
        profile = plan["profile"]
        first, last = (
            date_time_value(datetime.datetime.fromisoformat(plan[end])) for end in ("first", "last")
        )
        ranged = meter.read_profile(profile, range_descriptor(first, last), typed=True)
        found["columns"] = [[int(c), str(name), attribute] for c, name, attribute, _ in ranged.columns]
        found["by_range"] = rows(ranged)
        index, count = plan["entries"]
        found["by_entry"] = rows(
            meter.read_profile(profile, entry_descriptor(index, index + count - 1), typed=True)
        )
        for class_id, name in plan.get("whole", ()):
            read = meter.object(name, class_id).read_all()
            errors = {
                attribute: repr(value) for attribute, value in read.items() if isinstance(value, Exception)
            }
            found.setdefault("whole", {})[name] = {"attributes": sorted(read), "errors": errors}
        if plan.get("attributes"):
            for name, attribute in (("in_use", 7), ("capacity", 8), ("period", 4)):
                found[name] = meter.get(profile, 7, attribute).value
        found["max_pdu"] = plan["max_pdu"]
    return found


if __name__ == "__main__":
    json.dump(run(json.load(sys.stdin)), sys.stdout)
