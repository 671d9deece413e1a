"""New keys for a meter, put into bytes by gurux-dlms and by us: the same, and our meter takes them."""

from __future__ import annotations

from datetime import UTC, datetime

from model.grid import SecretKeys
from protocols.dlms import axdr
from protocols.dlms.enums import ActionResult
from protocols.dlms.objects.securing import KeyKind, SecurityObject, WrappedKey
from protocols.dlms.security import Suite, key_wrap
from protocols.meter_models import load
from simulators.keyed import Keyring
from tests.foreign_peers import Peers

MASTER, ENCRYPTION, AUTHENTICATION = (bytes(range(start, start + 16)) for start in (0x00, 0x10, 0xD0))


def test_keys_travel_as_others_send_them(peers: Peers) -> None:
    keyed = load("dk-1p-s").dlms.keyed
    assert keyed is not None
    theirs = peers.run(
        "gurux_key_transfer.py",
        {
            "setup": str(keyed.setup),
            "master": MASTER.hex(),
            "keys": {"unicast": ENCRYPTION.hex(), "authentication": AUTHENTICATION.hex()},
        },
    )
    ours = SecurityObject.key_transfer(
        WrappedKey(kind, key_wrap.wrap(Suite.GCM_128, MASTER, key))
        for kind, key in ((KeyKind.GLOBAL_UNICAST, ENCRYPTION), (KeyKind.AUTHENTICATION, AUTHENTICATION))
    )
    assert axdr.encode(ours).hex() == theirs["parameter"]
    assert (theirs["class"], theirs["method"]) == (SecurityObject.CLASS_ID, SecurityObject.KEY_TRANSFER)
    assert theirs["name"] == str(keyed.setup)

    ring = Keyring("100000001", SecretKeys("11" * 16, "22" * 16, MASTER.hex()), datetime.now(UTC))
    assert ring.take(axdr.decode(bytes.fromhex(theirs["parameter"]))) is ActionResult.SUCCESS
    assert (ring.encryption, ring.authentication) == (ENCRYPTION, AUTHENTICATION)
    damaged = bytearray.fromhex(theirs["parameter"])
    damaged[-1] ^= 1
    assert ring.take(axdr.decode(bytes(damaged))) is ActionResult.OTHER_REASON
