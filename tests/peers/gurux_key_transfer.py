"""What gurux-dlms would send to give a meter new keys: the parameter of its action, in hex.

Runs in .venv-peers only, as a process of its own: gurux-dlms stands under the GPL.
"""

import contextlib
import json
import sys

from gurux_dlms.objects import GXDLMSSecuritySetup
from gurux_dlms.objects.enums import GlobalKeyType

KINDS = {"unicast": GlobalKeyType.UNICAST_ENCRYPTION, "authentication": GlobalKeyType.AUTHENTICATION}


class Heard:
    """Takes the place of a client, and hears what it should send."""

    def method(self, item, index, data, kind):
        return {"class": int(item.objectType), "name": item.logicalName, "method": index,
                "parameter": bytes(data).hex()}  # fmt: skip


def run(plan):
    keys = [(KINDS[kind], bytes.fromhex(key)) for kind, key in plan["keys"].items()]
    return GXDLMSSecuritySetup(plan["setup"]).globalKeyTransfer(Heard(), bytes.fromhex(plan["master"]), keys)


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):  # it prints of its own accord
        document = run(json.load(sys.stdin))
    json.dump(document, sys.stdout)
