"""Ciphering, signatures and HLS answers of pydlms-client and gurux-dlms against ours, both ways."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from protocols.dlms.enums import Mechanism
from protocols.dlms.security import (
    Challenge,
    MemoryCounters,
    Policy,
    Protection,
    SecurityControl,
    SecuritySetup,
    Suite,
)
from protocols.dlms.security.agreement import agreed_key
from protocols.dlms.security.general import GeneralCiphering, GeneralSigning, Header, IdentifiedKey
from protocols.dlms.security.key_wrap import wrap
from protocols.dlms.security.signing import point_of
from tests.foreign_peers import Peers

CLIENT, METER = bytes.fromhex("4D4D4D0000000001"), bytes.fromhex("4D4D4D0000BC614E")
SECRET = b"sixteen letters."
COUNTER = 0x01020304
POLICIES = {0x10: Policy(encrypted=False), 0x20: Policy(authenticated=False), 0x30: Policy()}
MESSAGES = {
    "get-request": "C001C100080000010000FF0200",
    "get-response": "C401C100090C07EA04040604042B00FE9801",
    "set-request": "C101C100080000010000FF0200090C07EA04080314311A008000FF",
    "set-response": "C501C100",
    "action-request": "C301C1000F0000280000FF010109111000004B37CB2C079B6BF3D817E8A4408B",
    "action-response": "C701C10001000911100000413B55175DD868AE07E0E1639C00",
    "initiate-request": "01000000065F1F0400007E1F04B0",
    "initiate-response": "0800065F1F040000181F00FA0007",
}


def scalar_of(suite: Suite, seed: int) -> bytes:
    return bytes((seed,)) * suite.coordinate_bytes


def setup_of(title: bytes, suite: Suite, policy: int = 0x30) -> SecuritySetup:
    """One side; in suites 1 and 2 with keys to sign."""
    octets = suite.key_bytes
    keys = bytes(range(octets)), bytes(range(0xD0, 0xD0 + octets))
    peer = METER if title == CLIENT else CLIENT
    plain = SecuritySetup(title, *keys, suite, POLICIES[policy], peer_system_title=peer)
    if suite is Suite.GCM_128:
        return plain
    mine, its = (1, 2) if title == CLIENT else (2, 1)
    return replace(
        plain, signing_key=scalar_of(suite, mine), peer_verifying_key=point_of(suite, scalar_of(suite, its))
    )


def job(do: str, setup: SecuritySetup, policy: int = 0x30, **more: Any) -> dict[str, Any]:
    """What a peer needs to stand in the place of `setup`."""
    assert setup.encryption_key is not None
    assert setup.authentication_key is not None
    assert setup.peer_system_title is not None
    found = {
        "do": do, "suite": int(setup.suite), "policy": policy, "counter": COUNTER,
        "title": setup.system_title.hex(), "peer": setup.peer_system_title.hex(),
        "encryption_key": setup.encryption_key.hex(), "authentication_key": setup.authentication_key.hex(),
    }  # fmt: skip
    if setup.signing_key is not None and setup.peer_verifying_key is not None:
        found["signing_key"] = setup.signing_key.hex()
        found["verifying_key"] = setup.peer_verifying_key.hex()
    return found | more


def run(peers: Peers, script: str, jobs: list[dict[str, Any]]) -> list[bytes]:
    return [bytes.fromhex(one) for one in peers.run(script, {"jobs": jobs})]


@pytest.mark.parametrize("suite", Suite)
def test_ciphered_messages_both_ways(peers: Peers, suite: Suite) -> None:
    """Every service, service-specific or general, global or dedicated, each policy: byte for byte."""
    session = bytes(range(40, 40 + suite.key_bytes))
    seals, unseals, expected, messages = [], [], [], []
    for policy in POLICIES:
        for form in ("service", "general"):
            for dedicated in (False, True):
                for name, text in MESSAGES.items():
                    if name.startswith("initiate") and (dedicated or form == "general"):
                        continue
                    message = bytes.fromhex(text)
                    setup = replace(setup_of(CLIENT, suite, policy), general=form == "general")
                    ours = Protection(setup, MemoryCounters(COUNTER))
                    more: dict[str, Any] = {"form": form}
                    if dedicated:
                        ours.dedicate(session)
                        more["dedicated_key"] = session.hex()
                    raw = ours.protect(message)
                    expected.append(raw)
                    messages.append(message)
                    seals.append(job("seal", setup, policy, message=text, **more))
                    listener = setup_of(METER, suite, policy)
                    unseals.append(job("unseal", listener, policy, message=raw.hex(), **more))
    assert len(expected) == 3 * (2 * 8 + 2 * 6 - 2)
    assert run(peers, "security_pydlms.py", seals) == expected
    assert run(peers, "security_pydlms.py", unseals) == messages


@pytest.mark.parametrize("mechanism", [2, 3, 4, 5, 6])
def test_hls_answers_of_both_peers(peers: Peers, mechanism: int) -> None:
    challenges = [
        (b"K56iVagY" * 2, b"P6wRJ21F" * 2),
        (bytes(range(64)), bytes(range(100, 164))),
        (bytes(range(16)), bytes(range(200, 232))),
    ]
    client, meter = setup_of(CLIENT, Suite.GCM_128), setup_of(METER, Suite.GCM_128)
    jobs, expected = [], []
    for ours, theirs in challenges:
        jobs.append(
            job(
                "answer",
                client,
                mechanism=mechanism,
                ours=ours.hex(),
                theirs=theirs.hex(),
                secret=SECRET.hex(),
            )
        )
        mine = Challenge(Mechanism(mechanism), ours, theirs, SECRET, client, MemoryCounters(COUNTER), METER)
        expected.append(mine.answer())
    for script in ("security_pydlms.py", "security_gurux.py"):
        answers = run(peers, script, jobs)
        assert answers == expected, script
        for (ours, theirs), answer in zip(challenges, answers, strict=True):
            Challenge(Mechanism(mechanism), theirs, ours, SECRET, meter, MemoryCounters(), CLIENT).check(
                answer
            )


@pytest.mark.parametrize("suite", [Suite.ECDSA_P256, Suite.ECDSA_P384])
def test_hls_by_signature(peers: Peers, suite: Suite) -> None:
    client, meter = setup_of(CLIENT, suite), setup_of(METER, suite)
    jobs, challenges = [], [(bytes(range(n, n + 32)), bytes(range(n + 90, n + 122))) for n in (0, 7, 40)]
    for ours, theirs in challenges:
        mine = Challenge(Mechanism.HLS_ECDSA, ours, theirs, None, client, None, METER).answer()
        both = {"mechanism": 7, "secret": ""}
        jobs.append(job("answer", client, ours=ours.hex(), theirs=theirs.hex(), **both))
        jobs.append(job("check", meter, ours=theirs.hex(), theirs=ours.hex(), message=mine.hex(), **both))
    answers = run(peers, "security_pydlms.py", jobs)[::2]
    for (ours, theirs), answer in zip(challenges, answers, strict=True):
        Challenge(Mechanism.HLS_ECDSA, theirs, ours, None, meter, None, CLIENT).check(answer)


@pytest.mark.parametrize("suite", [Suite.ECDSA_P256, Suite.ECDSA_P384])
def test_general_signing_and_ciphering(peers: Peers, suite: Suite) -> None:
    """In the forms that GBCS proves: the content's length is signed, the header's fields authenticated."""
    client, meter = setup_of(CLIENT, suite), setup_of(METER, suite)
    header = Header(b"\x01\x02", CLIENT, METER)
    assert client.signing_key is not None
    assert meter.peer_verifying_key is not None
    for text in list(MESSAGES.values())[:3]:
        message = bytes.fromhex(text)
        signed = GeneralSigning.signed(suite, client.signing_key, header, message).to_bytes()
        control = SecurityControl(suite)
        ciphered = GeneralCiphering.sealed(
            header, IdentifiedKey(), client.key(CLIENT), control, COUNTER, message
        ).to_bytes()
        jobs = [
            job("seal", client, form="signing", message=text),
            job("unseal", meter, form="signing", message=signed.hex()),
            job("seal", client, form="ciphering", message=text),
            job("unseal", meter, form="ciphering", message=ciphered.hex()),
        ]
        theirs, opened, sealed, unsealed = run(peers, "security_pydlms.py", jobs)
        assert GeneralSigning.from_bytes(theirs).header == header
        assert GeneralSigning.from_bytes(theirs).verified(suite, meter.peer_verifying_key) == message
        assert opened == unsealed == message
        assert sealed == ciphered
        assert Protection(meter, MemoryCounters()).unprotect(sealed) == message


def test_wrapped_and_agreed_keys(peers: Peers) -> None:
    jobs, expected = [], []
    for suite in Suite:
        master, key = bytes(range(suite.key_bytes)), bytes(range(90, 90 + suite.key_bytes))
        jobs.append({"do": "wrap", "master_key": master.hex(), "message": key.hex()})
        expected.append(wrap(suite, master, key))
    for suite in (Suite.ECDSA_P256, Suite.ECDSA_P384):
        scalar, point = scalar_of(suite, 4), point_of(suite, scalar_of(suite, 5))
        jobs.append(
            {
                "do": "agree", "suite": int(suite), "scalar": scalar.hex(), "point": point.hex(),
                "title": CLIENT.hex(), "peer": METER.hex(),
            }
        )  # fmt: skip
        expected.append(agreed_key(suite, scalar, point, CLIENT, METER))
    assert run(peers, "security_pydlms.py", jobs) == expected
