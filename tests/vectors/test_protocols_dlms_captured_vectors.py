"""Pushes that real meters sent, as they came over the line: read, opened with their keys, and made again.

[D] esphome-libs/dlms_parser at ac1cc1a (Apache-2.0), tests/dumps: the bytes, and the keys of ciphered ones.
Three of its dumps are not here: two of Czech meters carry attribute descriptors without a tag, which is no
Data by the standard; one was put down with its bytes in disorder, so that its check does not fit.
"""

from datetime import UTC, datetime
from itertools import pairwise

import pytest

from protocols.dlms.apdu import DataNotification, GeneralBlock, decode
from protocols.dlms.hdlc.address import HdlcAddress
from protocols.dlms.hdlc.client import HdlcFraming
from protocols.dlms.hdlc.frame import HdlcFrame, Kind
from protocols.dlms.hdlc.numbering import Numbering
from protocols.dlms.hdlc.parameters import LinkParameters
from protocols.dlms.hdlc.stream import Deframer
from protocols.dlms.security import MemoryCounters, Protection, SecuritySetup
from protocols.errors import DecodeError
from protocols.obis import Obis

ISKRA = (
    (
        "7ea8a4cf0223039996e6e7000f000026eb0c07e704010615202300ff88800210020209060000600100ff09083834"
        "383935313236020209060000600101ff0906313630343536020309060100010700ff06000000b602020f00161b02"
        "0309060100020700ff060000000002020f00161b020309060100010800ff060003ff2702020f00161e0203090601"
        "00020800ff060000f95802020f00161e020309060100200700eb337e"
    ),
    (
        "7ea8a4cf0223039996ff12093c02020fff1623020309060100340700ff12092802020fff16230203090601004807"
        "00ff12094202020fff16230203090601001f0700ff12003f02020ffe1621020309060100330700ff12005902020f"
        "fe1621020309060100470700ff12004402020ffe1621020309060100010801ff06000141fa02020f00161e020309"
        "060100010802ff060002bd2d02020f00161e02030906010002b0837e"
    ),
    "7ea02dcf022313717c0801ff060000c5d702020f00161e020309060100020802ff060000338102020f00161e58c07e",
)
E450 = (
    (
        "7ea08bceff0313eee1e6e700e0400001000077db084c475a677370b1778201033000177bca14dd298539c05bd0e9"
        "250bcb05d33295aad43eda9a14e25ac843c12fc63ca7e5c42a4d53e3f6a0c9c8793c0e1d011ab0df9b7a48a33614"
        "28240d3775a473cd4ac2238ab2594d87c7b037bb5bc130e3070770e04b9e407da3cd42314bd87f2e08067d34a7ca"
        "b7417e"
    ),
    (
        "7ea08bceff0313eee1e040000200007a9bff215f01815448199aba45cbdbe44ccabaac4eb1cb10d3f89d2fd39484"
        "08b5a45be7c56c4ae060e994d14c112d3922f0c047db71d047098ec576f0a98fe6a2fa51c1a99da63addd6edc6e8"
        "5d37e439b45a327c42372187e2dbd02776ef92380e5e9234d7b0dba1da122b0c6c4dd98e103839b3784c1606fa33"
        "20bc7e"
    ),
    ("7ea030ceff031386f8e0c0000300001f9a13717b673db2efcff3a84fc53252eb8649881117e26462d5489052c89e6209c77e"),
)
E450_LATER = (
    (
        "7ea08bceff0313eee1e6e700e0400001000077db084c475a67735dd3a982010330000acc8312647ab92ec2eafe5c"
        "43e8ee96e1660ea3ba192e67a73f96a35a50dd907e8a46120574a68ed778ef7f26c32ade71e4f6b9b3ec5f1f9693"
        "fc9b1106fa28006fa312340e146f229a6573674c216879edc8970d56216a973ef069759b3c916a051782b231a8b6"
        "c1477e"
    ),
    (
        "7ea08bceff0313eee1e040000200007aa021b52995c5e9ded30a2c89439e01f04abdc24504ffeb47054753d162b3"
        "9a9c7bcaef58407bf76a61db32477b0044fd1cd71b49f4468e42c53e6087f4b390514484f46d355b18c897b094d1"
        "03737467fb8555f35d2bd3c7030b105b2fa5da21a03b0fc8ffd6a753e9e76bad2d41c993a5cf4b977c00503885ed"
        "14187e"
    ),
    ("7ea030ceff031386f8e0c0000300001f7622079bb81587cbd326e641a07516fdf312f76ee65ae6b0fb5ec3463febe00f1e7e"),
)
KAMSTRUP = (
    (
        "7ea1e9410313c637e6e700db084b414d45013490838201d030010f60a4ac4b6048a68093068d24fbc9225ea9aa8f"
        "e3441e02f54dbda3d9ed58425a2fa099985243fdef3390afc26c90a9b81e774774c90ce2a381d6a64f3e148f1fcf"
        "e282c2a793f9fdc273cf3cdff63c279f43635ab2f7fb31bd6db83ede632b9b5e1bc7c276a86a62f7c68d2b3e065e"
        "7dceb00ce7655e0577a7a3e5e8f3e656e3a7e827e9b327970a61d17e27c0db0987bfcf902c7bbaf5d968c38edf29"
        "ba2f1d9aee13a6899c6c0325a2a00cab915f519b55329270380effae9f5e2a47cfdb9c84cdf5d2d3348afb9d00da"
        "1dee1b9c33af56784d9988caca556f18d62f2e70d3f10744a86774cb78f5b3ca336f23d833937d8f5cf3f7a35db8"
        "b37132488fe0c66703b845014eb6df8455fe90383028342ad39b126ad26f969ea47e1ab090cfbecd10dc3e5da310"
        "4bba96184b14afe9e960d51b4c62d5f01e82d467ca571981671ab783c972349bcb98c89a19b1c98db0eba2670a9b"
        "ca21f8419b04c94db510e75e3e426d75b2cfa91f8f4caaf8758b33768df7fe55fd8b4983b19a19dde7a5891bc0f2"
        "66a8029d2089b6ea0c2d11c2ef96a6e40365bc85d259dc169dd43e16499ebc6f080e4ccd8657dace68939ce40e4f"
        "55a6b0cc40dffc9dc1b4149dd09d72c7ddb5e0f10e31948b665168c6fcaa7e"
    ),
)
AIDON = (
    (
        "7ea0d24108831382d6e6e7000f40000000000109020209060101000281ff0a0b4149444f4e5f5630303031020209"
        "060000600100ff0a1037333539393932383930393431373432020209060000600107ff0a04363531350203090601"
        "00010700ff060000055202020f00161b020309060100020700ff060000000002020f00161b020309060100030700"
        "ff06000003e402020f00161d020309060100040700ff060000000002020f00161d0203090601001f0700ff10005d"
        "02020fff1621020309060100200700ff1209c402020fff1623e0c47e"
    ),
)
KAIFA = (
    (
        "7ea079010201108093e6e7000f40000000090c07e1090f05052128ff800000020d09074b464d5f30303109103639"
        "373036333134303137353339383509084d4133303448334506000003b40600000000060000000006000000400600"
        "0005880600000ca90600000c2f060000095106000000000600000955115c7e"
    ),
)
ENERGOMERA = (
    "0f4000004d0c07e60b03ff0f2619ffff4cff02070107020612002809060000190900ff0f021200000202160000010002"
    "0612000109060000600586ff0f02120000020216000001000206120001090600002a0000ff0f02120000020216000001"
    "00020612000109060000600100ff0f0212000002021600000100020612000109060000616200ff0f0212000002021600"
    "00010002061200010906000061620aff0f0212000002021600000100020612000109060000600587ff0f021200000202"
    "160000010016010910454d52303232323137333630383731300920303132343135313733363038373130000000000000"
    "00000000000000000000000600000010060000ffff020209060000636204ff120003"
)
SALZBURG = (
    "0f0017fa980c07e60b0c0610360000ffc400021009060000010000ff090c07e60b0c0610360000ffc400020209060000"
    "600100ff090e314b464d303230303233343830340202090600002a0000ff09104b464d31323030323030323334383034"
    "020309060100200700ff1208f402020fff1623020309060100340700ff12090c02020fff1623020309060100480700ff"
    "12090a02020fff16230203090601001f0700ff1200a502020ffe1621020309060100330700ff1200ad02020ffe162102"
    "0309060100470700ff12002502020ffe1621020309060100010700ff06000002ca02020f00161b020309060100020700"
    "ff060000000002020f00161b020309060100010800ff060014416002020f00161e020309060100020800ff0600000000"
    "02020f00161e020309060100030800ff06000012d202020f001620020309060100040800ff060005be6002020f001620"
)

FRAMES = {
    f"{name} {number}": text
    for name, texts in (
        ("Iskra AM550", ISKRA), ("Landis+Gyr E450", E450), ("Landis+Gyr E450, another", E450_LATER),
        ("Kamstrup Omnipower", KAMSTRUP), ("Aidon, one phase", AIDON), ("Kaifa MA304H3E", KAIFA),
    )
    for number, text in enumerate(texts, 1)
}  # fmt: skip
PUSHES = {"Energomera": ENERGOMERA, "Kaifa in Salzburg": SALZBURG}
KEYS = {
    "E450": ("5C316162209EBB790B52EB0E7FC5B11C", "92705C5C97286064EABAE38D190F87A4"),
    "E450_LATER": ("5FDE26FE7A1A36B6E1C0BA048FA9A023", "7DA42A44E00BD0AF5E1A911E3CCA64FD"),
    "KAMSTRUP": ("00112233445566778899AABBCCDDEEFF", "FFEEDDCCBBAA99887766554433221100"),
}


@pytest.mark.parametrize("name", FRAMES)
def test_frames(name: str) -> None:
    raw = bytes.fromhex(FRAMES[name])
    frame = HdlcFrame.from_bytes(raw)
    assert frame.kind is (Kind.I if name.startswith("Kaifa") else Kind.UI)
    assert frame.to_bytes() == raw
    deframer = Deframer()
    assert [found for octet in raw for found in deframer.feed(bytes((octet,)))] == [frame]


def heard(frames: tuple[str, ...]) -> list[bytes]:
    """What our client hands out when these frames come unasked."""
    first = HdlcFrame.from_bytes(bytes.fromhex(frames[0]))
    return HdlcFraming(first.destination.upper, first.source).feed(bytes.fromhex("".join(frames)))


def values_of(push: DataNotification) -> dict[str, int]:
    """Registers of a flat list of names and values."""
    items = push.value().value
    return {
        str(Obis.from_bytes(name.value)): told.value
        for name, told in pairwise(items)
        if isinstance(name.value, bytes) and len(name.value) == 6 and isinstance(told.value, int)
    }


def opened(sealed: bytes, keys: tuple[str, str]) -> DataNotification:
    """The push under general-glo-ciphering; the same keys and counter make the same bytes."""
    pair = [bytes.fromhex(key) for key in keys]
    hears = Protection(SecuritySetup(b"OURTITLE", *pair), MemoryCounters(1))
    inside = hears.unprotect(sealed)
    assert hears.peer_system_title == sealed[2:10]
    counter = int.from_bytes(sealed[14:18], "big")
    speaks = Protection(SecuritySetup(sealed[2:10], *pair), MemoryCounters(counter))
    assert speaks.protect(inside) == sealed
    push = decode(inside)
    assert isinstance(push, DataNotification)
    assert push.to_bytes() == inside
    return push


@pytest.mark.parametrize(
    ("frames", "keys", "at", "total"),
    [
        (E450, "E450", datetime(2022, 2, 21, 17, 37, 30, tzinfo=UTC), 4_408_736),
        (E450_LATER, "E450_LATER", datetime(2023, 11, 10, 10, 58, 50, tzinfo=UTC), 12_048_950),
    ],
)
def test_ciphered_pushes_in_general_blocks(
    frames: tuple[str, ...], keys: str, at: datetime, total: int
) -> None:
    """[D] three blocks in three UI frames; the two tariffs' registers make the total."""
    blocks = [decode(message) for message in heard(frames)]
    pieces = [block.piece for block in blocks if isinstance(block, GeneralBlock)]
    push = opened(b"".join(pieces), KEYS[keys])
    assert push.stamp is not None
    assert push.stamp.to_datetime(UTC) == at
    read = values_of(push)
    assert read["1.0.1.8.0.255"] == read["1.0.1.8.1.255"] + read["1.0.1.8.2.255"] == total
    again = [
        GeneralBlock(number == 3, True, 0, number, 0, piece).to_bytes()
        for number, piece in enumerate(pieces, 1)
    ]
    assert again == heard(frames)


def test_a_ciphered_push_in_one_frame() -> None:
    (sealed,) = heard(KAMSTRUP)
    push = opened(sealed, KEYS["KAMSTRUP"])
    assert push.value().value[0].value == "Kamstrup_V0001"
    assert values_of(push)["1.1.1.8.0.255"] == 6_307_498


def test_a_push_in_segments() -> None:
    """[D] three UI frames, the first two with the segmentation bit; 182 W at 236.4 V."""
    (message,) = heard(ISKRA)
    push = decode(message)
    assert isinstance(push, DataNotification)
    assert push.to_bytes() == message
    assert push.stamp is not None
    assert push.stamp.to_datetime() == datetime(2023, 4, 1, 19, 32, 35, tzinfo=UTC)
    items = {str(Obis.from_bytes(item.value[0].value)): item.value[1].value for item in push.value().value}
    assert (items["1.0.1.7.0.255"], items["1.0.32.7.0.255"]) == (182, 2364)
    assert HdlcFrame.from_bytes(bytes.fromhex(ISKRA[2])).source == HdlcAddress(1, 17)


def test_a_push_in_an_information_frame() -> None:
    """[D] without a link: our client takes it apart when asked to, and hands out none by itself."""
    frame = HdlcFrame.from_bytes(bytes.fromhex(KAIFA[0]))
    push = decode(Numbering(LinkParameters()).take(frame)[3:])
    assert isinstance(push, DataNotification)
    assert [item.value for item in push.value().value[:3]] == [b"KFM_001", b"6970631401753985", b"MA304H3E"]
    assert heard(KAIFA) == []


@pytest.mark.parametrize("name", PUSHES)
def test_pushes_without_a_link(name: str) -> None:
    raw = bytes.fromhex(PUSHES[name])
    push = decode(raw)
    assert isinstance(push, DataNotification)
    assert push.to_bytes() == raw


def test_the_energies_of_a_push() -> None:
    push = DataNotification.from_bytes(bytes.fromhex(SALZBURG))
    items = {
        str(Obis.from_bytes(item.value[0].value)): item.value[1].value
        for item in push.value().value
        if isinstance(item.value, tuple | list)
    }
    assert (items["1.0.1.8.0.255"], items["1.0.2.8.0.255"], items["1.0.1.7.0.255"]) == (1_327_456, 0, 714)


def test_a_tampered_push_is_refused() -> None:
    (message,) = heard(AIDON)
    assert isinstance(decode(message), DataNotification)
    with pytest.raises(DecodeError):
        decode(message[:-1])
