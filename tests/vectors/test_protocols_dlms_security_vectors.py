"""Published ciphered messages and authentications: opened, and made again byte for byte.

Facts (hex and meaning) only; what they are and where they stand:
[GB] DLMS UA Green Book, edition 8: table 40 (glo-get-request), 43 (HLS 5), clause 11 (initiate and release),
     as cited in the tests of pwitab/dlms-cosem at dc41293e (MIT) and of the Elster library;
[U]  pushes of a water meter, pwitab/dlms-cosem at dc41293e, tests/test_udp_message.py (MIT);
[L]  associations with a Landis+Gyr meter under a dedicated key, circutor-library/gosem on GitLab (MIT),
     pkg/dlms/*_test.go and pkg/dlmsclient/client_test.go.
GMAC in its four passes and general-glo-ciphering with a control byte of both: ..._conformance_vectors.py and
..._captured_vectors.py.
"""

import pytest

from protocols.dlms.acse import Rlre, Rlrq
from protocols.dlms.apdu import DataNotification, decode
from protocols.dlms.enums import Mechanism
from protocols.dlms.initiate import InitiateRequest, InitiateResponse
from protocols.dlms.security import (
    NOTHING,
    Challenge,
    MemoryCounters,
    Policy,
    Protection,
    SecuritySetup,
)
from protocols.errors import SecurityError, SecurityFault


def h(text: str) -> bytes:
    """Hex with blanks."""
    return bytes.fromhex(text)


EK = bytes(range(16))
AK = h("D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF")
METER, CLIENT = h("4D4D4D0000BC614E"), h("4D4D4D0000000001")
OTHER = b"OTHERONE"
"""Whoever listens in these tests."""
ENCRYPTED = Policy(authenticated=False, encrypted=True)
AUTHENTICATED = Policy(authenticated=True, encrypted=False)
BOTH = Policy()

GLOBAL_KEYS = (EK, AK)
LGZ_KEY = h("00112233445566778899AABBCCDDEEFF")
LGZ_KEYS = (LGZ_KEY, LGZ_KEY)
LGZ_DEDICATED = h("5E168412318BA71848C99B2B2AB33294")
CIRCUTOR, LGZ = h("4349520000000001"), h("4C475A2022604828")
GET_CLOCK = "C001C100080000010000FF0200"
# Sender's title, keys, policy, what travels, what is inside.
GLOBAL_MESSAGES = {
    "glo-get-request, authenticated [GB 40]": (
        METER, GLOBAL_KEYS, AUTHENTICATED,
        "C81E 10 01234567 C0010000080000010000FF0200 06725D910F9221D263877516",
        "C0010000080000010000FF0200",
    ),
    "glo-get-request, encrypted [GB 40]": (
        METER, GLOBAL_KEYS, ENCRYPTED,
        "C812 20 01234567 411312FF935A47566827C467BC",
        "C0010000080000010000FF0200",
    ),
    "glo-get-request, both [GB 40]": (
        METER, GLOBAL_KEYS, BOTH,
        "C81E 30 01234567 411312FF935A47566827C467BC 7D825C3BE4A77C3FCC056B6B",
        "C0010000080000010000FF0200",
    ),
    "glo-initiate-request [GB 11]": (
        METER, GLOBAL_KEYS, BOTH,
        "2130 30 01234567 801302FF8A7874133D414CED25B42534D28DB0047720606B175BD52211BE68"
        "41DB204D39EE6FDB8E356855",
        "01011000112233445566778899AABBCCDDEEFF0000065F1F0400007E1F04B0",
    ),
    "glo-initiate-response [GB 11]": (
        METER, GLOBAL_KEYS, BOTH,
        "281F 30 01234567 891214A0845E475714383F65BC19745CA235906525E4F3E1C893",
        "0800065F1F0400007C1F04000007",
    ),
    "glo-initiate-request 107 [L]": (
        CIRCUTOR, LGZ_KEYS, BOTH,
        "2130 30 00000107 8E6341442275404C816C6BED3E33AE809EC51E1D0E428BE8F5F643E26C3DD8 "
        "9FD2E3F2220097124F58E0F4",
        "010110E803739DBE338C3A790D8D1B12C63FE20000065F1F040000181F0200",
    ),
    "glo-initiate-response 31 [L]": (
        LGZ, LGZ_KEYS, BOTH,
        "281F 30 00000031 49963E23D6DA824A369644B66A9A 17C60C3CA3F63E58608FA192",
        "0800065F1F040000181F00FA0007",
    ),
    "glo-initiate-request [L]": (
        CIRCUTOR, LGZ_KEYS, BOTH,
        "2130 30 00000059 92D807DBCF8533E9AD675AE0948241FB8E6CF9AFA7006BAA134A473C9151B3 "
        "362F56DC12F89E85DA97E176",
        "0101105E168412318BA71848C99B2B2AB332940000065F1F040000181F0200",
    ),
    "glo-initiate-response [L]": (
        LGZ, LGZ_KEYS, BOTH,
        "281F 30 0000005A E916783AF33B5317AD0E453A799A 65F26AE97660CF8B14FEB7B0",
        "0800065F1F040000181F00FA0007",
    ),
}  # fmt: skip
DEDICATED_MESSAGES = {
    "ded-get-request 1 [L]": (
        CIRCUTOR, "D01E 30 00000001 D3B903996D9508C5B6BCDEB025 DD1800A5C92775FB55F317CF", GET_CLOCK,
    ),
    "ded-get-request 2 [L]": (
        CIRCUTOR, "D01E 30 00000002 CDA00847BC0032D323FB29C26A 51683A141E2CE1C14FDEB851", GET_CLOCK,
    ),
    "ded-get-request 3 [L]": (
        CIRCUTOR, "D01E 30 00000003 60DEE75200E0F8A10984A29161 49E31F2FC5BA7E9B264E11C5", GET_CLOCK,
    ),
    "ded-get-response [L]": (
        LGZ, "D423 30 00000001 AA07A549F82E6B8EEA919659D91689BF995B E6F93C95A7208718A3B84EE4",
        "C401C100090C07E7020F0311371500800000",
    ),
}  # fmt: skip
WATER = h("2F19229199164103")
WATER_KEYS = (b"MYDUMMYGLOBALKEY", b"MYDUMMYGLOBALKEY")
WATER_PUSHES = [
    "DB082F192291991641033B30000001" + rest
    for rest in (
        "E5025CE9D2271FD78BE8C204211A916A9D7F587E0A7A814CADEA89E9593F01F92EA8C087B5BDFDEFEAB6BECF282DFE49C0"
        "8F5BE6DC8400",
        "E603D4D3577B7F649934E3B7C719A3DE351AB28C7AC7B8A1E444B89691E92591CE1EB2827DF937A2E540280F6211F493648"
        "02FA0F5C413",
        "E71C2BBC3FFB9A4E3978F26BFAF5E941E269A2B61D47B4361B2F5B1D22F5A04EFF708C9FFB493C40163A0E1978B7449CEC9"
        "CCAE08D1944",
        "E8B1F95BDD2EDB41D356DB57EE512C20C6EA63653A55BB18717E419F45E8D3B4F34329F4CEB21C8141A7E3CC00F06B7E2D9"
        "8D76AF4B806",
    )
]


def side(
    title: bytes, peer: bytes | None, keys: tuple[bytes, bytes], policy: Policy, start: int
) -> Protection:
    """One side of suite 0 whose next counter is `start`."""
    setup = SecuritySetup(title, *keys, policy=policy, peer_system_title=peer)
    return Protection(setup, MemoryCounters(start))


@pytest.mark.parametrize("name", GLOBAL_MESSAGES)
def test_global_ciphering(name: str) -> None:
    title, keys, policy, travels, inside = GLOBAL_MESSAGES[name]
    raw = h(travels)
    assert side(OTHER, title, keys, policy, 1).unprotect(raw) == h(inside)
    assert side(title, OTHER, keys, policy, int.from_bytes(raw[3:7], "big")).protect(h(inside)) == raw


@pytest.mark.parametrize("name", DEDICATED_MESSAGES)
def test_dedicated_ciphering(name: str) -> None:
    title, travels, inside = DEDICATED_MESSAGES[name]
    raw = h(travels)
    hears = side(OTHER, title, LGZ_KEYS, BOTH, 1)
    hears.dedicate(LGZ_DEDICATED)
    assert hears.unprotect(raw) == h(inside)
    speaks = side(title, OTHER, LGZ_KEYS, BOTH, int.from_bytes(raw[3:7], "big"))
    speaks.dedicate(LGZ_DEDICATED)
    assert speaks.protect(h(inside)) == raw


def test_a_meter_that_says_a_counter_twice_is_not_believed() -> None:
    """[L] sends its first answer again as the second one."""
    answer = h(DEDICATED_MESSAGES["ded-get-response [L]"][1])
    hears = side(OTHER, LGZ, LGZ_KEYS, BOTH, 1)
    hears.dedicate(LGZ_DEDICATED)
    hears.unprotect(answer)
    with pytest.raises(SecurityError, match="counter 1 came after 1") as caught:
        hears.unprotect(answer)
    assert caught.value.fault is SecurityFault.COUNTER
    assert caught.value.raw == answer


def test_general_global_ciphering_of_pushes_whose_sender_is_met_by_the_first() -> None:
    """[U] Pushes with counters one above the other; each begins with a data-notification."""
    hears = side(OTHER, None, WATER_KEYS, BOTH, 1)
    speaks = side(WATER, None, WATER_KEYS, BOTH, 0x01E5)
    for push in map(h, WATER_PUSHES):
        inside = hears.unprotect(push)
        assert isinstance(decode(inside), DataNotification)
        assert speaks.protect(inside) == push
    assert hears.peer_system_title == WATER
    assert inside.startswith(h("0F000001DE000922"))


def test_release_with_the_initiate_messages_ciphered() -> None:
    """[GB 11] and [L]: what stands in the user-information of RLRQ and RLRE."""
    for keys, title, travels, message in (
        (GLOBAL_KEYS, METER, "6239800100BE34043221303001234567801302FF8A7874133D414CED25B42534D28DB00477"
         "20606B175BD52211BE6841DB204D39EE6FDB8E356855", Rlrq),
        (GLOBAL_KEYS, METER, "6328800100BE230421281F3001234567891214A0845E475714383F65BC19745CA235906525"
         "E4F3E1C893", Rlre),
        (LGZ_KEYS, CIRCUTOR, "6239800100BE3404322130300000005A8E9B83D641B89FAAF36DA504132C34F87E4BA66175"
         "A7DCED015460239699C72C18C06DB29C54673B83BAC0", Rlrq),
        (LGZ_KEYS, CIRCUTOR, "6239800100BE340432213030000001078E6341442275404C816C6BED3E33AE809EC51E1D0E42"
         "8BE8F5F643E26C3ED8295297AF055F2BC322DA3BD8", Rlrq),
        (LGZ_KEYS, LGZ, "6328800100BE230421281F300000005BCD34827974EDCF8B1DAB306F62C58AB42052DB67361377"
         "507825", Rlre),
    ):  # fmt: skip
        release = message.from_bytes(h(travels))
        assert release.to_bytes() == h(travels)
        ciphered = release.user_information or b""
        inside = side(OTHER, title, keys, BOTH, 1).unprotect(ciphered)
        assert (InitiateRequest if message is Rlrq else InitiateResponse).from_bytes(
            inside
        ).to_bytes() == inside
        counter = int.from_bytes(ciphered[3:7], "big")
        assert side(title, OTHER, keys, BOTH, counter).protect(inside) == ciphered


# --- authentication -----------------------------------------------------------------------------------------


def test_hls_gmac_as_in_the_green_book() -> None:
    """[GB 43] K56iVagY and P6wRJ21F, both passes, both halves."""
    ctos, stoc = b"K56iVagY", b"P6wRJ21F"
    client = Challenge(
        Mechanism.HLS_GMAC, ctos, stoc, setup=SecuritySetup(CLIENT, EK, AK),
        counters=MemoryCounters(1), peer_system_title=METER,
    )  # fmt: skip
    meter = Challenge(
        Mechanism.HLS_GMAC, stoc, ctos, setup=SecuritySetup(METER, EK, AK),
        counters=MemoryCounters(0x01234567), peer_system_title=CLIENT,
    )  # fmt: skip
    assert client.answer() == h("10 00000001 1A52FE7DD3E72748973C1E28")
    meter.check(h("10 00000001 1A52FE7DD3E72748973C1E28"))
    assert meter.answer() == h("10 01234567 FE1466AFB3DBCD4F9389E2B7")
    client.check(h("10 01234567 FE1466AFB3DBCD4F9389E2B7"))


def test_keys_that_serve_authentication_alone_leave_messages_as_they_are() -> None:
    protection = side(OTHER, METER, GLOBAL_KEYS, NOTHING, 1)
    assert protection.protect(h(GET_CLOCK)) == h(GET_CLOCK)
    assert protection.unprotect(h(GET_CLOCK)) == h(GET_CLOCK)
