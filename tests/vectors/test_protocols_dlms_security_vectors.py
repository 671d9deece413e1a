"""Published ciphered messages and authentications: opened, and made again byte for byte.

Facts (hex and meaning) only; what they are and where they stand:
[GB] DLMS UA Green Book, edition 8: table 40 (glo-get-request), 43 (HLS 5), clause 11 (initiate and release),
     as cited in the tests of pwitab/dlms-cosem at dc41293e (MIT) and of the Elster library;
[U]  pushes of a water meter, pwitab/dlms-cosem at dc41293e, tests/test_udp_message.py (MIT);
[T]  example of Tiroler Netze for their customers, fneur/smart-meter-tirol, doc/EXAMPLE.md (suite 1);
[K]  log of an association with a Kaifa meter of 2026-04-08 under the Green Book's example keys, published
     with ViewWay/dlms-cosem, docs/HLS;
[L]  association with a Landis+Gyr meter under a dedicated key, gitlab circutor-library/gosem, tests;
[C]  log of an association with an Indian meter (Crystal), forum of gurux.fi, node/24934; that its keys are
     sixteen letters A the tags confirm.
"""

import pytest

from protocols.dlms.acse import Aare, Aarq, Rlre, Rlrq
from protocols.dlms.apdu import ActionRequestNormal, DataNotification, decode
from protocols.dlms.enums import Mechanism
from protocols.dlms.initiate import InitiateRequest, InitiateResponse
from protocols.dlms.security import (
    NOTHING,
    Challenge,
    MemoryCounters,
    Policy,
    Protection,
    SecuritySetup,
    Suite,
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
CRYSTAL_KEYS = (b"A" * 16, b"A" * 16)
KAIFA_CLIENT, KAIFA = bytes(8), h("4B464D6410000002")
CIRCUTOR, LGZ = h("4349520000000001"), h("4C475A2022604828")
CRYSTAL_CLIENT, CRYSTAL = h("4372797374616C50"), h("43525900 00F42DB2")
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
    "glo-initiate-request [K]": (
        KAIFA_CLIENT, GLOBAL_KEYS, BOTH,
        "211F 30 00004B36 8C4EA26D0F47DEE7D2014EDFD400 2A0F3FB3140E01FE06CCDB90",
        "01000000065F1F0400001F1FFFFF",
    ),
    "glo-initiate-response [K]": (
        KAIFA, GLOBAL_KEYS, BOTH,
        "281F 30 0000413A 4298258196F1F3938EC85A38E9EA 9768DA0777922748A0B1B1C7",
        "0800065F1F0400001E1D04C80007",
    ),
    "glo-action-request [K]": (
        KAIFA_CLIENT, GLOBAL_KEYS, BOTH,
        "CB31 30 00004B38 96D822063B332B61BF3F9329C2C19B2382152CF2564772489F7456A3BCB2C498 "
        "BE9D729E4BDF54F80E9832EF",
        "C301C1000F0000280000FF010109111000004B37CB2C079B6BF3D817E8A4408B",
    ),
    "glo-action-response [K]": (
        KAIFA, GLOBAL_KEYS, BOTH,
        "CF2A 30 0000413C 547421EAE9A8D7185ED7906E2B73535ABEEFCC34EA74A08095 "
        "000F701616ED51C8D1B7987E",
        "C701C10001000911100000413B55175DD868AE07E0E1639C00",
    ),
    "glo-get-request [K]": (
        KAIFA_CLIENT, GLOBAL_KEYS, BOTH,
        "C81E 30 00004B39 9E5F51920DF48D8E86CD65863B C77A89CAD7231E5CF3A3B4FE",
        GET_CLOCK,
    ),
    "glo-get-response [K]": (
        KAIFA, GLOBAL_KEYS, BOTH,
        "CC23 30 0000413D B257BC13E380D81D5D47728A4F6DB43FEE57 7B5E1EA59C0A3F484E712CA1",
        "C401C100090C07EA04040604042B00FE9801",
    ),
    "glo-set-request [K]": (
        KAIFA_CLIENT, GLOBAL_KEYS, BOTH,
        "C92C 30 00004B3F C7BDF18D000171206E102A9129B0AECC05DB7B9551BE6CFB1DD520 571945486A6DAD271A95E31C",
        "C101C100080000010000FF0200090C07EA04080314311A008000FF",
    ),
    "glo-set-response [K]": (
        KAIFA, GLOBAL_KEYS, BOTH,
        "CD15 30 00004142 3678B358 DB9A3D39F2C151E562914977",
        "C501C100",
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
    "glo-initiate-request [C]": (
        CRYSTAL_CLIENT, CRYSTAL_KEYS, BOTH,
        "2130 30 00000044 BD3C65B77E9A234B596CD7D7883F7B58074F2051A914A15C0298F520B81FCB "
        "2578941F09E8AF78ACAC2D25",
        "010110303132333435363738394142434445460000065F1F0400001E5DFFFF",
    ),
    "glo-initiate-response [C]": (
        CRYSTAL, CRYSTAL_KEYS, BOTH,
        "281F 30 00000044 7A3D0A6F391360871DE1358447B7 3F25AAEF175882FA8029A436",
        "0800065F1F040020189D028A0007",
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
TIROL = (
    "DB084B464D10100000238201092100295B9AEFC1546E644A2C9E32EDD42CBD0F1B945B194D086885C4D8DF86DD52CB5B448854"
    "A6D548D5D270739B2A169D05B013F9015070089D3C5FA45CA05E92309A645CC83D7DA40FBC8F4CF9C225AFA69A25FF0B2AC9C2"
    "744550ABA53CE9143FD10B0AD85FD30BD6B6DFFEE65F8204DC9C5067CA73B62E299A39D50AA730B2B9AE3836BC2F3490FB41BE"
    "5B6F930D84952976369DD7DABBB5A4354AECA1D2486CFF2EB0C6206380BA501D122AF75D716D3092C3960506A15E06FAB0EE5B"
    "7DFA3C2CDF0CAFD051B88E44B8B9FB8865F20CB89D1143CDC7EFEB07FB4C4898E764E9E3A32DDC3D1FB46961CE962B2C78050C"
    "96598C7E4D26658043F9CBCA78189BD01B139F8AE0F739"
)
TIROL_INSIDE = (
    "0F0029B2DC0C07E50713010F2E2300FF8880020C09060000010000FF090C07E50713010F2E2300FF8880020209060000600100"
    "FF090E314B464D303130303030303033350202090600002A0000FF09104B464D31313030313030303030303335020309060100"
    "200700FF12090402020FFF16230203090601001F0700FF12000002020FFE1621020309060100010700FF060000000002020F00"
    "161B020309060100020700FF060000000002020F00161B020309060100010800FF060000239402020F00161E02030906010002"
    "0800FF060000000002020F00161E020309060100030800FF060000006002020F001620020309060100040800FF060000000902"
    "020F001620"
)


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


def test_general_global_ciphering_in_suite_1_encrypted_alone() -> None:
    """[T] Control byte 21, a length of two bytes, no tag."""
    key, title = h("101112131415161718191A1B1C1D1E1F"), h("4B464D1010000023")
    hears = SecuritySetup(OTHER, key, AK, Suite.ECDSA_P256, ENCRYPTED, peer_system_title=title)
    assert Protection(hears, MemoryCounters()).unprotect(h(TIROL)) == h(TIROL_INSIDE)
    speaks = SecuritySetup(title, key, AK, Suite.ECDSA_P256, ENCRYPTED)
    assert Protection(speaks, MemoryCounters(0x00295B9A)).protect(h(TIROL_INSIDE)) == h(TIROL)


def test_release_with_the_initiate_messages_ciphered() -> None:
    """[GB 11], [K] and [L]: what stands in the user-information of RLRQ and RLRE."""
    for keys, title, travels, message in (
        (GLOBAL_KEYS, METER, "6239800100BE34043221303001234567801302FF8A7874133D414CED25B42534D28DB00477"
         "20606B175BD52211BE6841DB204D39EE6FDB8E356855", Rlrq),
        (GLOBAL_KEYS, METER, "6328800100BE230421281F3001234567891214A0845E475714383F65BC19745CA235906525"
         "E4F3E1C893", Rlre),
        (GLOBAL_KEYS, KAIFA_CLIENT, "6228800100BE230421211F3000004B3A387E9B88D869D986A18DDE0EAC6D2F631A25"
         "2F1644A9E79469D5", Rlrq),
        (GLOBAL_KEYS, KAIFA, "6328800100BE230421281F300000413EDBD6C9C1DE9FBE08E00C1482D615823B0331148DF5"
         "10CFA0E3C2", Rlre),
        (LGZ_KEYS, CIRCUTOR, "6239800100BE3404322130300000005A8E9B83D641B89FAAF36DA504132C34F87E4BA66175"
         "A7DCED015460239699C72C18C06DB29C54673B83BAC0", Rlrq),
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


def test_hls_gmac_in_the_order_of_a_real_association() -> None:
    """[K] AARQ, AARE, passes 3 and 4: each answer's counter is below that of the message around it."""
    aarq = Aarq.from_bytes(
        h("605DA109060760857405080103A60A040800000000000000008A0207808B0760857405080205AC1280107336554C553337"
          "36635A456F6179506CBE230421211F3000004B368C4EA26D0F47DEE7D2014EDFD4002A0F3FB3140E01FE06CCDB90")
    )  # fmt: skip
    aare = Aare.from_bytes(
        h("6169A109060760857405080103A203020100A305A10302010EA40A04084B464D641000000288020780890760857405080205"
          "AA128010E174F6ACA21F02245EF7911B54AF84D5BE230421281F300000413A4298258196F1F3938EC85A38E9EA9768DA07"
          "77922748A0B1B1C7")
    )  # fmt: skip
    assert (aarq.mechanism, aare.mechanism) == (Mechanism.HLS_GMAC, Mechanism.HLS_GMAC)
    assert aarq.system_title == KAIFA_CLIENT
    ctos, stoc = aarq.password or b"", aare.challenge or b""
    counters = MemoryCounters(0x413B)
    meter = Protection(SecuritySetup(KAIFA, EK, AK), counters)
    meter.meet(aarq.system_title)
    meter.unprotect(aarq.user_information)
    pass_3 = decode(meter.unprotect(h(GLOBAL_MESSAGES["glo-action-request [K]"][3])))
    assert isinstance(pass_3, ActionRequestNormal)
    assert pass_3.parameters is not None
    challenge = Challenge(
        Mechanism.HLS_GMAC, stoc, ctos, setup=meter.setup, counters=counters,
        peer_system_title=meter.peer_system_title,
    )  # fmt: skip
    challenge.check(h("10 00004B37 CB2C079B6BF3D817E8A4408B"))
    assert challenge.answer() == h("10 0000413B 55175DD868AE07E0E1639C00")
    pass_4 = meter.protect(h(GLOBAL_MESSAGES["glo-action-response [K]"][4]))
    assert pass_4 == h(GLOBAL_MESSAGES["glo-action-response [K]"][3])
    client = Protection(SecuritySetup(KAIFA_CLIENT, EK, AK), MemoryCounters(0x4B36))
    client.meet(aare.system_title)
    client.unprotect(aare.user_information or b"")
    client.unprotect(pass_4)
    mine = Challenge(
        Mechanism.HLS_GMAC, ctos, stoc, setup=client.setup, counters=MemoryCounters(0x4B37),
        peer_system_title=KAIFA,
    )  # fmt: skip
    assert mine.answer() == h("10 00004B37 CB2C079B6BF3D817E8A4408B")
    mine.check(h("10 0000413B 55175DD868AE07E0E1639C00"))


def test_keys_that_serve_authentication_alone_leave_messages_as_they_are() -> None:
    protection = side(OTHER, METER, GLOBAL_KEYS, NOTHING, 1)
    assert protection.protect(h(GET_CLOCK)) == h(GET_CLOCK)
    assert protection.unprotect(h(GET_CLOCK)) == h(GET_CLOCK)
