"""Published digests, signatures, keys and messages for a named recipient: verified, and made again.

[GB] DLMS UA Green Book, edition 8: table 41 (general-ciphering) and annex C (signatures, key agreement), as
     cited in the tests of pwitab/dlms-cosem (MIT), EnergyICT, Gurux and gvtret's library;
[B]  Great Britain Companion Specification (GBCS), section 18.4, cryptographic test vectors;
[R]  RFC 3394, section 4 (key wrap); [N] NIST, AES-GCM test cases 3 and 15 (McGrew and Viega, appendix B);
[S]  Suite B Implementer's Guide to FIPS 186-3 (ECDSA).
"""

import pytest

from protocols.dlms.enums import Mechanism
from protocols.dlms.security import Challenge, SecurityControl, SecuritySetup, Suite
from protocols.dlms.security.agreement import agreed_key, derive, shared_secret
from protocols.dlms.security.cipher import Key
from protocols.dlms.security.general import AgreedKey, GeneralCiphering, GeneralSigning, Header
from protocols.dlms.security.key_wrap import unwrap, wrap
from protocols.dlms.security.opening import envelope_of, opened
from protocols.dlms.security.signing import point_of, sign, verify
from protocols.errors import SecurityError


def h(text: str) -> bytes:
    """Hex with blanks."""
    return bytes.fromhex(text)


AK = h("D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF")


@pytest.mark.parametrize(
    ("mechanism", "challenge", "secret", "answer"),
    [
        # RFC 1321, A.5; the challenge is the head of the message, the secret its tail.
        (Mechanism.HLS_MD5, b"message ", b"digest", "F96B697D7CB7938D525A2F31AAF161D0"),
        (Mechanism.HLS_MD5, b"abcdefghijklm", b"nopqrstuvwxyz", "C3FCD3D76192E4007DFB496CCA67E13B"),
        (Mechanism.HLS_MD5, b"1234567890" * 6, b"1234567890" * 2, "57EDF4A22BE3C955AC49DA2E2107B67A"),
        # FIPS 180-2, A.2, and RFC 3174, 7.3.
        (
            Mechanism.HLS_SHA1, b"abcdbcdecdefdefgefghfghighijhijk", b"ijkljklmklmnlmnomnopnopq",
            "84983E441C3BD26EBAAE4AA1F95129E5E54670F1",
        ),
        (
            Mechanism.HLS_SHA1, b"01234567" * 4, b"01234567" * 4,
            "E0C094E867EF46C350EF54A7F59DD60BED92AE83",
        ),
        (
            Mechanism.HLS_SHA1, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"abcdefghijklmnopqrstuvwxyz0123456789",
            "761C457BF73B14D27E9E9265C46F4B4DDA11F940",
        ),
        # NIST SP 800-38A, F.1.1: four blocks under one key.
        (
            Mechanism.HLS, h("6BC1BEE22E409F96E93D7E117393172A"), h("2B7E151628AED2A6ABF7158809CF4F3C"),
            "3AD77BB40D7A3660A89ECAF32466EF97",
        ),
        (
            Mechanism.HLS, h("AE2D8A571E03AC9C9EB76FAC45AF8E5130C81C46A35CE411E5FBC1191A0A52EF"),
            h("2B7E151628AED2A6ABF7158809CF4F3C"),
            "F5D3D58503B9699DE785895A96FDBAAF43B1CD7F598ECE23881B00E3ED030688",
        ),
        (
            Mechanism.HLS, h("F69F2445DF4F9B17AD2B417BE66C3710"), h("2B7E151628AED2A6ABF7158809CF4F3C"),
            "7B0C785E27E8AD3F8223207104725DD4",
        ),
    ],
)  # fmt: skip
def test_hls_answers_that_are_a_function_of_the_secret(
    mechanism: Mechanism, challenge: bytes, secret: bytes, answer: str
) -> None:
    """The function is published; that meters mean it so is shown with foreign peers in tests/interop."""
    Challenge(mechanism, challenge, b"another challenge", secret).check(h(answer))
    assert Challenge(mechanism, b"another challenge", challenge, secret).answer() == h(answer)


@pytest.mark.parametrize(
    ("message", "digest"),
    [
        # FIPS 180-2, B.2: 56 bytes, cut into secret, two titles and two challenges.
        (
            b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248D6A61D20638B8E5C026930C3E6039A33CE45964FF2167F6ECEDD419DB06C1",
        ),
        # FIPS 180-2 change notice and NIST's SHA examples: 112 bytes.
        (
            b"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrs"
            b"mnopqrstnopqrstu",
            "CF5B16A778AF8380036CE59E7B0492370B249B11E8F07A51AFAC45037AFEE9D1",
        ),
    ],
)
def test_hls_sha256(message: bytes, digest: str) -> None:
    """Secret ‖ title of who answers ‖ title of who asked ‖ challenge asked ‖ challenge of who answers."""
    secret, own, peer = message[:-48], message[-48:-40], message[-40:-32]
    asked, other = message[-32:-16], message[-16:]
    setup = SecuritySetup(own)
    answers = Challenge(Mechanism.HLS_SHA256, other, asked, secret, setup, peer_system_title=peer)
    assert answers.answer() == h(digest)
    asks = Challenge(Mechanism.HLS_SHA256, asked, other, secret, SecuritySetup(peer), peer_system_title=own)
    asks.check(h(digest))


CLIENT_SIGNS = h("418073C239FA6125011DE4D6CD2E645780289F761BB21BFB0835CB5585E8B373")
CLIENT_VERIFIES = h(
    "BAAFFDE06A8CB1C9DAE8D94023C601DBBB249254BA22EDD827E820BCA2BCC643"
    "62FBB83D86A82B87BB8B7161D2AAB5521911A946B97A284A90F7785CD9047D25"
)
METER_SIGNS = h("AE55414FFE079F9FC95649536BD1C2B5653D200813727E07D501A8B550C69207")
METER_VERIFIES = h(
    "933ACF15B03A9248E029B2787FB52A0AECAF635F07C42A0019FB3197E38F8F54"
    "9A125EA36781B0CA96BE89A0E1FE2CF9B7361ED48B3C5E24592B9C0F4EDD31D1"
)
EPHEMERAL_CLIENT = h(
    "2914D60E10AB705F62ED6CC349D7CB99B9AB3F3978E59278C7AF595B3AF98794"
    "1372DAB6D5AF1FA867E134167E6F23DE664A6693E05F43414611058D1B48F894"
)
ONE_PASS_CLIENT = h(
    "C323C2BD45711DE4688637D919F92E9DB8FB2DFC213A88D21C9DC8DCBA917D81"
    "70511DE1BADB360D50058F794B0960AE11FA28D392CFF907A62D13E3357B1DC0"
)
ONE_PASS_METER = h(
    "6439724714B47CD9CB988897D8424AB946DCD083D37A954637616011B9C23787"
    "73295F0F850D8DAFD1BBE9FE666E53E4F097CD10B38B69622152724A90987444"
)
TEST_MESSAGE = b"This is only a test message. It is 48 bytes long"
SIGNATURES = {
    "the client's ephemeral key with its key-id 0 [GB C.1]": (
        Suite.ECDSA_P256, CLIENT_SIGNS, CLIENT_VERIFIES, b"\x00" + EPHEMERAL_CLIENT,
        "06F0607702AA0E2435A183E2F6B1ECD19629712E389A213610C03F77B2590860"
        "EA840AF5C3FA1F2BCDF055D4744E9A01CE9A0E55026BCAA4EEBEB764CED64BB3",
    ),
    "the client's one-pass key [GB C.2]": (
        Suite.ECDSA_P256, CLIENT_SIGNS, CLIENT_VERIFIES, ONE_PASS_CLIENT,
        "B51BE089D0B682863B2217201E73A1A9031968A9B4121DCBC3281A69739AF874"
        "29F5B3AC5471E7B6A04A2C0F2F8A25FD772A317DF97FC5463FEAC248EB8AB8BE",
    ),
    "the meter's one-pass key [GB C.2]": (
        Suite.ECDSA_P256, METER_SIGNS, METER_VERIFIES, ONE_PASS_METER,
        "E1FF47974A1F6931A6502F58147463F0E8CC517D47F55B0AC56DD8AC5C9D0E48"
        "1934F2D90F9893016BD82B6E3FFE21FF1588F3278B4E9D98EB4FB62ADD64B380",
    ),
    "P-256 [S]": (
        Suite.ECDSA_P256, h("70A12C2DB16845ED56FF68CFC21A472B3F04D7D6851BF6349F2D7D5B3452B38A"),
        h("8101ECE47464A6EAD70CF69A6E2BD3D88691A3262D22CBA4F7635EAFF26680A8"
          "D8A12BA61D599235F67D9CB4D58F1783D3CA43E78F0A5ABAA624079936C0C3A9"),
        TEST_MESSAGE,
        "7214BC9647160BBD39FF2F80533F5DC6DDD70DDF86BB815661E805D5D4E6F27C"
        "7D1FF961980F961BDAA3233B6209F4013317D3E3F9E1493592DBEAA1AF2BC367",
    ),
    "P-384 [S]": (
        Suite.ECDSA_P384,
        h("C838B85253EF8DC7394FA5808A5183981C7DEEF5A69BA8F4F2117FFEA39CFCD90E95F6CBC854ABACAB701D50C1F3CF24"),
        h("1FBAC8EEBD0CBF35640B39EFE0808DD774DEBFF20A2A329E91713BAF7D7F3C3E81546D883730BEE7E48678F857B02CA0"
          "EB213103BD68CE343365A8A4C3D4555FA385F5330203BDD76FFAD1F3AFFB95751C132007E1B240353CB0A4CF1693BDF9"),
        TEST_MESSAGE,
        "A0C27EC893092DEA1E1BD2CCFED3CF945C8134ED0C9F81311A0F4A05942DB8DBED8DD59F267471D5462AA14FE72DE856"
        "20AB3F45B74F10B6E11F96A2C8EB694D206B9DDA86D3C7E331C26B22C987B7537726577667ADADF168EBBE803794A402",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SIGNATURES)
def test_ecdsa(name: str) -> None:
    suite, scalar, point, message, signature = SIGNATURES[name]
    assert point_of(suite, scalar) == point
    verify(suite, point, message, h(signature))
    verify(suite, point, message, sign(suite, scalar, message))
    with pytest.raises(SecurityError, match="signature does not fit"):
        verify(suite, point, message + b"!", h(signature))


@pytest.mark.parametrize("name", SIGNATURES)
def test_hls_ecdsa(name: str) -> None:
    """The same signatures as the answer of mechanism 7, their message cut into titles and challenges."""
    suite, scalar, point, message, signature = SIGNATURES[name]
    middle = 16 + (len(message) - 16) // 2
    peer, own, ours, theirs = message[:8], message[8:16], message[16:middle], message[middle:]
    setup = SecuritySetup(own, suite=suite, peer_verifying_key=point)
    Challenge(Mechanism.HLS_ECDSA, ours, theirs, setup=setup, peer_system_title=peer).check(h(signature))
    signer = SecuritySetup(peer, suite=suite, signing_key=scalar)
    answer = Challenge(Mechanism.HLS_ECDSA, theirs, ours, setup=signer, peer_system_title=own).answer()
    verify(suite, point, message, answer)


# --- keys ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("suite", "master", "key", "wrapped"),
    [
        (  # [R] 4.1
            Suite.GCM_128, "000102030405060708090A0B0C0D0E0F", "00112233445566778899AABBCCDDEEFF",
            "1FA68B0A8112B447AEF34BD8FB5A7B829D3E862371D2CFE5",
        ),
        (  # NIST CAVP, KW_AE_128, length 128, count 0
            Suite.ECDSA_P256, "7575DA3A93607CC2BFD8CEC7AADFD9A6", "42136D3C384A3EEAC95A066FD28FED3F",
            "031F6BD7E61E643DF68594816F64CAA3F56FABEA2548F5FB",
        ),
        (  # [R] 4.6
            Suite.ECDSA_P384, "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F",
            "00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F",
            "28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21",
        ),
    ],
)  # fmt: skip
def test_key_wrap(suite: Suite, master: str, key: str, wrapped: str) -> None:
    assert wrap(suite, h(master), h(key)) == h(wrapped)
    assert unwrap(suite, h(master), h(wrapped)) == h(key)


EPHEMERAL_METER = h("34A8C23A34DBB519D09B245754C85A6CFE05D14A063EFA5AA41545AA8241EFAE")
ONE_PASS_CLIENT_SCALAR = h("47DAB03842E5B6E74828EF4F449B378D7DD1A5DAE1FFCA5AE0B0BE0AD18EC57E")
STATIC_METER = h("AAD3FD0732E991CF52A74C66C1F2827DDC53522A2E0A169D7C4FFCC0FB5D6A4D")
STATIC_METER_POINT = h(
    "A653565B0E06070BAE9FBE140A5D2156812AEE2DD525053E3EFC850BF13BFDFF"
    "CB240BC7B77BFF5883344E7275908D2287BEFA3725017295A096989D2338290B"
)
STATIC_CLIENT = h("A51C16FF5C498FCC89323D4A9267CD71BF81FD6F6A891CD240DA7F3D6F283E65")
PARTY_C, PARTY_S = h("4D4D4D0000BC614E"), h("4D4D4D0000000001")
TRANSACTION = h("0102030405060708")
OLD_ARC = h("60857406080300")
"""2.16.756.6.8.3.0 instead of 2.16.756.5.8.3.0: in the first edition of annex C, and in GBCS."""


def test_key_agreement_ephemeral() -> None:
    """[GB C.1] C(2e, 0s): Z from both sides' ephemeral keys; the global key of the first edition."""
    secret = shared_secret(Suite.ECDSA_P256, EPHEMERAL_METER, EPHEMERAL_CLIENT)
    assert secret == h("C1CF8FE7891AEF3617D7190795E61FE6C24EFC3CCA2E08469BAD1A225CE6EA08")
    key = derive(Suite.ECDSA_P256, secret, OLD_ARC, PARTY_C, PARTY_S)
    assert key == h("E025CA6F9EE8D2B40F993739D44CFBC0")


def test_key_agreement_one_pass() -> None:
    """[GB C.2] C(1e, 1s): ephemeral of the originator, static of the recipient; both directions."""
    suite = Suite.ECDSA_P256
    assert point_of(suite, ONE_PASS_CLIENT_SCALAR) == ONE_PASS_CLIENT
    assert point_of(suite, STATIC_METER) == STATIC_METER_POINT
    request = agreed_key(suite, ONE_PASS_CLIENT_SCALAR, STATIC_METER_POINT, PARTY_C, PARTY_S)
    assert request == agreed_key(suite, STATIC_METER, ONE_PASS_CLIENT, PARTY_C, PARTY_S)
    assert request == h("59A71FD81C929A86A99438DA17A66C05")
    answer = agreed_key(suite, STATIC_CLIENT, ONE_PASS_METER, PARTY_S, PARTY_C)
    assert answer == h("F0184BDA9466BFA4601A64A7EF46504A")
    secret = shared_secret(suite, STATIC_METER, ONE_PASS_CLIENT)
    assert secret == h("0D4385BA0DD756CBCAB9887EB538396EE8F090A14C1079B4359F115B977F4615")
    assert derive(suite, secret, OLD_ARC, PARTY_C, PARTY_S) == h("8CD08FF02EAC71712DE8449DC8331833")
    secret = shared_secret(suite, STATIC_CLIENT, ONE_PASS_METER)
    assert derive(suite, secret, OLD_ARC, PARTY_S, PARTY_C) == h("E357F06755CBF5C2C31457FE3CD1D5B8")


def test_key_agreement_static() -> None:
    """[GB C.3] C(0e, 2s): static keys, another key for every transaction."""
    suite = Suite.ECDSA_P256
    key = agreed_key(suite, STATIC_CLIENT, STATIC_METER_POINT, PARTY_C, PARTY_S, TRANSACTION)
    assert key == h("56C46B57DF675515C31025455822514A")
    static_client_point = point_of(suite, STATIC_CLIENT)
    assert agreed_key(suite, STATIC_METER, static_client_point, PARTY_C, PARTY_S, TRANSACTION) == key
    assert static_client_point == h(
        "07C56DE2DCAF0FD793EF29F019C89B4A0CC1E001CE94F4FFBE10BC05E7E66F76"
        "71A13FBCF9E662B9826FFF6A6938546D524ED6D3405F020296BDE16B04F7A7C2"
    )


# --- general-ciphering and general-signing ------------------------------------------------------------------

ACCESS_REQUEST = h(
    "D94000000000040100010000600100FF020100080000010000FF0202001400000D0000FF0702001400000D0000FF08040000010402"
    "03090100090CFFFFFFFFFFFFFF00000000000901FF0203090101090CFFFFFFFFFFFFFF00000000000901FF0203090102090CFFFFFF"
    "FFFFFFFF00000000000901FF0203090103090CFFFFFFFFFFFFFF00000000000901FF0104020809010011FF11FF11FF11FF11FF11FF"
    "11FF02080901011102110111011101110111011101020809010211FF11FF11FF11FF11FF11FF11FF02080901031101110211021102"
    "110211021102"
)
ACCESS_CIPHERED = h(
    "DD080102030405060708084D4D4D0000BC614E084D4D4D00000000010000010201018180C323C2BD45711DE4688637D919F92E9D"
    "B8FB2DFC213A88D21C9DC8DCBA917D8170511DE1BADB360D50058F794B0960AE11FA28D392CFF907A62D13E3357B1DC0B51BE089"
    "D0B682863B2217201E73A1A9031968A9B4121DCBC3281A69739AF87429F5B3AC5471E7B6A04A2C0F2F8A25FD772A317DF97FC546"
    "3FEAC248EB8AB8BE81EB3100000000F435069679270C5BF4425EE5777402A6C8D51C620EED52DBB188378B836E2857D5C053E6DD"
    "F27FA87409AEF502CD9618AE47017C010224FD109CC0BEB21E742D44AB40CD11908743EC90EC8C40E221D517F72228E1A26E827F"
    "43DC18ED27B5F458D66508B05A2A4CC6FED178C881AFC3BC67064689BE8BB41C80ABB3C114A31F4CB03B8B64C7E0B4CE77B2399C"
    "93347858888F92239713B38DF01C4858245827A92EF334172EA636B31CBBDF2A96AD5D035F66AA38F1A2D97D4BBA99622E6B5F18"
    "789CECB2DFB3937D9F3E17F8B472098E6563238F37528374809836002AEA6E7012D2ADFAA7"
)


def test_general_ciphering_under_a_one_pass_key() -> None:
    """[GB 41] Read, written, the ephemeral key's signature, the agreed key, and the ciphertext.

    The tag printed in the book is that of no additional data we could think of; which data are authenticated
    is shown by GBCS below.
    """
    message = GeneralCiphering.from_bytes(ACCESS_CIPHERED)
    assert message.to_bytes() == ACCESS_CIPHERED
    assert message.header == Header(TRANSACTION, PARTY_C, PARTY_S)
    assert isinstance(message.key_info, AgreedKey)
    assert message.key_info.scheme == b"\x01"
    point = message.key_info.ephemeral_point(Suite.ECDSA_P256, CLIENT_VERIFIES)
    key = Key(agreed_key(Suite.ECDSA_P256, STATIC_METER, point, PARTY_C, PARTY_S), AK, PARTY_C)
    control = SecurityControl(Suite.ECDSA_P256)
    assert message.protected.control == control
    assert key.seal(control, 0, ACCESS_REQUEST)[:-12] == message.protected.sealed[:-12]


def test_general_ciphering_under_a_static_key() -> None:
    """[GB C.3] The same request's ciphertext under the key of its transaction."""
    suite = Suite.ECDSA_P256
    key = agreed_key(suite, STATIC_METER, point_of(suite, STATIC_CLIENT), PARTY_C, PARTY_S, TRANSACTION)
    alone = SecurityControl(suite, authenticated=False)
    assert Key(key, AK, PARTY_C).seal(alone, 0, ACCESS_REQUEST) == h(
        "607581D83815281B561904E6A72B83BF3FB0B1F2A0A23A82A804B39911F6CB1B4EF9B6F76C6338ED058014FFBF4A13A162E0EED1"
        "1EEB8F597757A18215F28E1D3FC2D44586C4B8AFE4500B535B579506CDB925CBEFF7F1CF6BF96C583B9CF588FE8F6B01A574824D"
        "7CEC597F057FFA8700AF12AD63A7FA72040439F4392C089B265F9EB1AC308239906DC04E1A8712ABE383CF92349842EBA166EF2E"
        "9EB2F53D0DBA025D79875463398BBC3007BC4A6FC12780C21EE1ABF080BF0FA926242834C0AC30D55A1EF8856E7DED48621F17FD"
        "F4D5B54EDDADD8741192"
    )


RESET_BALANCE = h(
    "DD00000000000081A91100000000DF0901000000000000000108123456789ABCDEF008FFFFFFFFFFFFFFFE000200B335D9200000"
    "0100030300700000130A00FF020300700000130A01FF020300700000130A02FF02030500000000050000000005000000004059045A"
    "B0F554622B0360340B9D87B5A23ED5723B41DE3F206E58CDD10F915B9FE2E12E2DA3632478A8DF678E418895869AC1E55318CCE04D"
    "120D2D6B44DC167B5D832D15B57A56D620F198B3"
)
SUPPLIER, DEVICE = h("123456789ABCDEF0"), h("FFFFFFFFFFFFFFFE")
SUPPLIER_VERIFIES = h(
    "76628E1C84EF7935548AE5D62C7BB3AD28964CF794F0387A697EEC19CDD98F46"
    "0A4D5E19087EF7216ED89C29831A6EE838C8DE88EF34F11D3F41F36D80B2A5D5"
)


def test_general_ciphering_around_general_signing() -> None:
    """[B] A critical command: signed by the supplier, authenticated under a static agreed key, without AK."""
    suite = Suite.ECDSA_P256
    envelope = envelope_of(RESET_BALANCE)
    assert isinstance(envelope, GeneralCiphering)
    assert envelope.header == Header()
    assert envelope.key_info is None
    secret = shared_secret(
        suite,
        h("E4A6CFB431471CFCAE491FD566D19C87082CF9FA7722D7FA24B2B3F5669DBEFB"),
        h("2DB45A3F21889438B42C8F464C75292BACF5FDDB5DA0B492501B299CBFE92D8F"
          "DB90FC8FF4026129838B1BCAD1402CAE47FE7D8084E409A41AFCE16D63579C5F"),
    )  # fmt: skip
    nonce = h("09010000000000000001")
    key = Key(derive(suite, secret, OLD_ARC, SUPPLIER + nonce, DEVICE), b"", SUPPLIER)
    inside = opened(envelope, key, RESET_BALANCE)
    control = SecurityControl(suite, encrypted=False)
    assert GeneralCiphering.sealed(Header(), None, key, control, 0, inside).to_bytes() == RESET_BALANCE
    signed = GeneralSigning.from_bytes(inside)
    assert signed.to_bytes() == inside
    assert signed.header == Header(nonce[1:], SUPPLIER, DEVICE, b"", h("00B3"))
    assert signed.verified(suite, SUPPLIER_VERIFIES)[:1] == h("D9")
    scalar = h("3A6B2EAA0D9F25A9E455983FEB5BB947528121911BF3B76BE5661C89DBF24B26")
    assert point_of(suite, scalar) == SUPPLIER_VERIFIES
    again = GeneralSigning.signed(suite, scalar, signed.header, signed.content)
    assert again.verified(suite, SUPPLIER_VERIFIES) == signed.content


@pytest.mark.parametrize(
    ("suite", "key", "plain", "ciphertext"),
    [
        (
            Suite.GCM_128, "FEFFE9928665731C6D6A8F9467308308",
            "D9313225F88406E5A55909C5AFF5269A86A7A9531534F7DA2E4C303D8A318A721C3C0C95956809532FCF0E2449A6B525"
            "B16AEDF5AA0DE657BA637B391AAFD255",
            "42831EC2217774244B7221B784D0D49CE3AA212F2C02A4E035C17E2329ACA12E21D514B25466931C7D8F6A5AAC84AA05"
            "1BA30B396A0AAC973D58E091473F5985",
        ),
        (
            Suite.ECDSA_P384, "FEFFE9928665731C6D6A8F9467308308FEFFE9928665731C6D6A8F9467308308",
            "D9313225F88406E5A55909C5AFF5269A86A7A9531534F7DA2E4C303D8A318A721C3C0C95956809532FCF0E2449A6B525"
            "B16AEDF5AA0DE657BA637B391AAFD255",
            "522DC1F099567D07F47F37A32A84427D643A8CDCBFE5C0C97598A2BD2555D1AA8CB08E48590DBB3DA7B08B1056828838"
            "C5F61E6393BA7A0ABCC9F662898015AD",
        ),
    ],
)  # fmt: skip
def test_aes_gcm_of_nist(suite: Suite, key: str, plain: str, ciphertext: str) -> None:
    """[N] Cases 3 and 15; their nonce CAFEBABEFACEDBADDECAF888 is title and counter."""
    holder = Key(h(key), b"", h("CAFEBABEFACEDBAD"))
    control = SecurityControl(suite, authenticated=False)
    assert holder.seal(control, 0xDECAF888, h(plain)) == h(ciphertext)
    assert holder.open(control, 0xDECAF888, h(ciphertext)) == h(plain)
