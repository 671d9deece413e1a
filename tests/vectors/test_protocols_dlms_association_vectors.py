"""Opening and closing an association: published messages read and written again byte for byte.

[P] pwitab/dlms-cosem at dc41293e (MIT), tests/test_asce, tests/test_xdlms/test_initiate: mostly examples of
the DLMS UA Green Book, edition 10; [E] epri-dev/DLMS-COSEM at cfbb67ff (BSD), test; [C] Circutor/gosem at
07c0d0d0 (MIT), pkg/dlmsclient.
"""

import pytest

from protocols.dlms import apdu
from protocols.dlms.apdu import (
    Aare,
    Aarq,
    ConfirmedServiceError,
    InitiateRequest,
    InitiateResponse,
    Rlre,
    Rlrq,
)
from protocols.dlms.enums import (
    AssociationResult,
    Conformance,
    InitiateError,
    Mechanism,
    ReleaseReason,
    UserDiagnostic,
)

GREEN_BOOK = (
    Conformance.PRIORITY_MANAGEMENT
    | Conformance.BLOCK_TRANSFER_WITH_GET
    | Conformance.GET
    | Conformance.SET
    | Conformance.SELECTIVE_ACCESS
    | Conformance.EVENT_NOTIFICATION
    | Conformance.ACTION
)
PROPOSED = (
    GREEN_BOOK
    | Conformance.ATTRIBUTE_0_WITH_GET
    | Conformance.BLOCK_TRANSFER_WITH_SET
    | Conformance.BLOCK_TRANSFER_WITH_ACTION
    | Conformance.MULTIPLE_REFERENCES
)
INITIATE = "01000000065f1f0400007e1f04b0"
GRANT = "0800065f1f040000501f01f40007"

AARQS = {
    "no security [P test_aarq]": (
        f"601da109060760857405080101be10040e{INITIATE}",
        Mechanism.NONE,
        None,
        None,
    ),
    "low security [P test_aarq]": (
        f"6036a1090607608574050801018a0207808b0760857405080201ac0a80083132333435363738be10040e{INITIATE}",
        Mechanism.LLS,
        b"12345678",
        None,
    ),
    "high security [P test_aarq]": (
        f"6036a1090607608574050801018a0207808b0760857405080205ac0a80084b35366956616759be10040e{INITIATE}",
        Mechanism.HLS_GMAC,
        b"K56iVagY",
        None,
    ),
    "ciphered, low security [P test_aarq]": (
        "6066a109060760857405080103a60a04084d4d4d0000bc614e8a0207808b0760857405080201ac0a80083132333435363738be34"
        "043221303001234567801302ff8a7874133d414ced25b42534d28db0047720606b175bd52211be6841db204d39ee6fdb8e356855",
        Mechanism.LLS,
        b"12345678",
        bytes.fromhex("4d4d4d0000bc614e"),
    ),
}


@pytest.mark.parametrize("name", AARQS)
def test_aarq(name: str) -> None:
    text, mechanism, password, title = AARQS[name]
    raw = bytes.fromhex(text)
    message = apdu.decode(raw)
    assert isinstance(message, Aarq)
    assert (message.mechanism, message.password, message.system_title) == (mechanism, password, title)
    if title is None:
        assert message.initiate() == InitiateRequest(PROPOSED, 1200)
    assert message.to_bytes() == raw


AARES = {
    "accepted [P test_aare]": (
        f"6129a109060760857405080101a203020100a305a103020100be10040e{GRANT}",
        (AssociationResult.ACCEPTED, UserDiagnostic.NULL, Mechanism.NONE, None),
    ),
    "context refused [P test_aare]": (
        f"6129a109060760857405080101a203020101a305a103020102be10040e{GRANT}",
        (
            AssociationResult.REJECTED_PERMANENT,
            UserDiagnostic.APPLICATION_CONTEXT_NAME_NOT_SUPPORTED,
            Mechanism.NONE,
            None,
        ),
    ),
    "HLS goes on [P test_aare]": (
        "6142a109060760857405080101a203020100a305a10302010e88020780890760857405080205aa0a8008503677524a323146"
        f"be10040e{GRANT}",
        (
            AssociationResult.ACCEPTED,
            UserDiagnostic.AUTHENTICATION_REQUIRED,
            Mechanism.HLS_GMAC,
            b"P6wRJ21F",
        ),
    ),
}


@pytest.mark.parametrize("name", AARES)
def test_aare(name: str) -> None:
    text, expected = AARES[name]
    raw = bytes.fromhex(text)
    message = apdu.decode(raw)
    assert isinstance(message, Aare)
    assert (message.result, message.diagnostic, message.mechanism, message.challenge) == expected
    assert message.initiate() == InitiateResponse(GREEN_BOOK, 500)
    assert message.to_bytes() == raw


def test_aare_with_a_service_error_instead_of_a_grant() -> None:
    """[P test_aare] DLMS version too low."""
    raw = bytes.fromhex("611fa109060760857405080101a203020101a305a103020101be0604040e010601")
    message = Aare.from_bytes(raw)
    error = message.initiate()
    assert isinstance(error, ConfirmedServiceError)
    assert error.error is InitiateError.DLMS_VERSION_TOO_LOW
    assert message.to_bytes() == raw


def test_aare_of_a_real_meter() -> None:
    """[P test_aare] PDU of 1224 bytes, no priority management."""
    raw = bytes.fromhex(
        "6129a109060760857405080101a203020100a305a103020100be10040e0800065f1f0400001e1d04c80007"
    )
    grant = Aare.from_bytes(raw).initiate()
    assert isinstance(grant, InitiateResponse)
    assert grant.max_pdu == 1224
    assert Conformance.BLOCK_TRANSFER_WITH_GET in grant.conformance
    assert Conformance.PRIORITY_MANAGEMENT not in grant.conformance


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (INITIATE, None),
        (
            "01011000112233445566778899aabbccddeeff0000065f1f0400007e1f04b0",
            "00112233445566778899aabbccddeeff",
        ),
    ],
)
def test_initiate_request(text: str, key: str | None) -> None:
    """[P test_initiate]"""
    request = InitiateRequest.from_bytes(bytes.fromhex(text))
    assert request == InitiateRequest(PROPOSED, 1200, None if key is None else bytes.fromhex(key))
    assert request.to_bytes().hex() == text


def test_initiate_response_with_a_quality_of_service() -> None:
    """[P test_initiate]"""
    raw = bytes.fromhex("080100065f1f0400001e1d04c80007")
    response = InitiateResponse.from_bytes(raw)
    assert (response.quality_of_service, response.max_pdu) == (0, 1224)
    assert response.to_bytes() == raw


@pytest.mark.parametrize(
    ("text", "kind", "inside"),
    [
        ("6200", Rlrq, None),
        ("6315800100be10040e0800065f1f040000381f009b0007", Rlre, 14),
        ("6203800100", Rlrq, None),
        (
            "6239800100be34043221303001234567801302ff8a7874133d414ced25b42534d28db0047720606b175bd52211be6841db204d39"
            "ee6fdb8e356855",
            Rlrq,
            50,
        ),
        ("6303800100", Rlre, None),
        ("6316800100be11040f080100065f1f0400001e1d04c80007", Rlre, 15),
        ("6328800100be230421281f3001234567891214a0845e475714383f65bc19745ca235906525e4f3e1c893", Rlre, 33),
    ],
)
def test_release(text: str, kind: type[Rlrq | Rlre], inside: int | None) -> None:
    """[P test_rlrq, test_rlre] [E] without a reason, and with the grant repeated"""
    message = apdu.decode(bytes.fromhex(text))
    assert isinstance(message, kind)
    assert message.reason is (None if text == "6200" else ReleaseReason.NORMAL)
    assert (None if message.user_information is None else len(message.user_information)) == inside
    assert message.to_bytes().hex() == text


@pytest.mark.parametrize(
    ("text", "conformance", "max_pdu"),
    [
        ("01000000065f1f040000001900" + "2a", 0x19, 42),
        ("01000000065f1f040000181f0100", 0x181F, 256),
        ("01000000065f1f0400007e1f0000", 0x7E1F, 0),
    ],
)
def test_proposals(text: str, conformance: int, max_pdu: int) -> None:
    """[E] UnitTest-APDU-xDLMS, UnitTest-APDU-AARQ; [C] get_test"""
    request = InitiateRequest.from_bytes(bytes.fromhex(text))
    assert request == InitiateRequest(Conformance(conformance), max_pdu)
    assert request.to_bytes().hex() == text


@pytest.mark.parametrize(
    ("text", "conformance", "max_pdu"),
    [
        ("0800065f1f040000001902800007", 0x19, 640),
        ("0800065f1f040000101d00800007", 0x101D, 128),
        ("0800065f1f040000381f009b0007", 0x381F, 155),
    ],
)
def test_grants(text: str, conformance: int, max_pdu: int) -> None:
    """[E] UnitTest-APDU-xDLMS, UnitTest-APDU-AARE; [C] get_test"""
    response = InitiateResponse.from_bytes(bytes.fromhex(text))
    assert response == InitiateResponse(Conformance(conformance), max_pdu)
    assert response.to_bytes().hex() == text


@pytest.mark.parametrize(
    "text",
    [
        "6036a1090607608574050801018a0207808b0760857405080201ac0a80083333333333333333be10040e"
        "01000000065f1f0400007e1f0000",
        "601da109060760857405080101be10040e01000000065f1f040000181f0100",
        "6129a109060760857405080101a203020100a305a103020100be10040e0800065f1f040000381f009b0007",
        "6129a109060760857405080101a203020100a305a103020100be10040e0800065f1f040000101d00800007",
        "6036a1090607608574050801018a0207808b0760857405080201ac0a80083030303030303031be10040e01000000065f1f0400"
        "00181f0100",
        "6129a109060760857405080101a203020101a305a10302010dbe10040e0800065f1f040000101400800007",
        "6117a109060760857405080101a203020101a305a10302010d",
        "6066a109060760857405080103a60a040843495200000000018a0207808b0760857405080201ac0a80084a7553363642435abe34"
        "0432213030000001078e6341442275404c816c6bed3e33ae809ec51e1d0e428be8f5f643e26c3dd89fd2e3f2220097124f58e0f4",
        "6148a109060760857405080103a203020100a305a103020100a40a04084c475a2022604828be230421281f30000000314996"
        "3e23d6da824a369644b66a9a17c60c3ca3f63e58608fa192",
    ],
)
def test_associations_of_others(text: str) -> None:
    """[E] UnitTest-APDU-AARQ, UnitTest-APDU-AARE; [C] aarq_test, aare_test, client_test, get_test"""
    assert apdu.decode(bytes.fromhex(text)).to_bytes().hex() == text
