"""Protecting what is sent and believing what is heard, for one association and either half of it.

    protection = Protection(setup, counters)
    protection.meet(aare.system_title)              # or the AARQ's, on the server's half
    link.send(protection.protect(get_request))      # C0 … -> C8 …
    get_response = protection.unprotect(payload)    # CC … -> C4 …

AARQ, AARE, RLRQ and RLRE travel as they are: only the initiate message in their user-information is
protected (21, 28). A plain exception-response (D8) or confirmed-service-error (0E) is let through: it carries
no value, and a meter that cannot decipher has no other way to say so.
"""

from typing import Final

from protocols.dlms.security.cipher import Key
from protocols.dlms.security.control import SecurityControl
from protocols.dlms.security.counters import CounterStore, key_name
from protocols.dlms.security.envelopes import (
    DEDICATED,
    GLOBAL,
    INITIATE,
    GeneralDedicated,
    GeneralGlobal,
    Protected,
    ServiceCiphered,
)  # fmt: skip
from protocols.dlms.security.general import GeneralCiphering, GeneralSigning, Header, IdentifiedKey
from protocols.dlms.security.opening import Envelope, envelope_of, opened
from protocols.dlms.security.setup import SecuritySetup
from protocols.dlms.security.suites import SYSTEM_TITLE_BYTES
from protocols.errors import LocalError, SecurityError, SecurityFault

_ERRORS_IN_PLAIN: Final = frozenset((0xD8, 0x0E))


class Protection:
    """One association's security, client or server; keeps nothing but titles and the dedicated key."""

    def __init__(self, setup: SecuritySetup, counters: CounterStore) -> None:
        if setup.policy.protects:
            setup.key(setup.system_title)
        self.setup = setup
        self._counters = counters
        self._peer = setup.peer_system_title
        self._dedicated: bytes | None = None

    @property
    def peer_system_title(self) -> bytes | None:
        """The other side's title, None until it is known."""
        return self._peer

    def meet(self, system_title: bytes | None) -> None:
        """The title that AARQ or AARE gave (None: it gave none, which is fine only when it is known already).

        Raises `SecurityError` for a title of another length, for ours come back, and for one that is not
        the partner's.
        """
        found = system_title or self._peer or b""
        if len(found) != SYSTEM_TITLE_BYTES:
            reason = f"the other side's system title has {len(found)} bytes, not {SYSTEM_TITLE_BYTES}"
            raise SecurityError(reason, found, SecurityFault.SYSTEM_TITLE)
        self._peer = self._partner(found, found)

    def dedicate(self, key: bytes | None = None) -> None:
        """From now on everything but initiate messages goes out under the dedicated key; both come in.

        Client: without argument, the setup's key. Server: the key in the initiate request. To be called when
        the association stands, after pass 4 of HLS: there are meters that want passes 3 and 4 under the
        global key although a dedicated one was agreed.
        """
        chosen = key if key is not None else self.setup.dedicated_key
        if chosen is None:
            raise LocalError("there is no dedicated key to change to")
        if len(chosen) != self.setup.suite.key_bytes:
            reason = f"a dedicated key of {len(chosen)} bytes, {self.setup.suite.key_bytes} are due"
            raise SecurityError(reason, b"", SecurityFault.KEY)
        self._dedicated = chosen

    def protect(self, apdu: bytes) -> bytes:
        """`apdu` as it travels; uses up one invocation counter, none where the policy asks for nothing.

        Initiate messages become 21 and 28 under the global key; the rest their glo- or ded- form, or
        DB/DC when the setup says general or the service has no form of its own (data-notification, access).
        """
        setup = self.setup
        if not apdu:
            raise LocalError("an empty message cannot be protected")
        if not setup.policy.protects:
            return apdu
        initiate = apdu[0] in INITIATE
        dedicated = self._dedicated is not None and not initiate
        key = setup.key(setup.system_title, self._dedicated if dedicated else None)
        counter = self._counters.next(key_name(key.encryption, key.title))
        if setup.policy.signed and not initiate:
            apdu = self._sign(apdu, counter)
        control = SecurityControl(setup.suite, setup.policy.authenticated, setup.policy.encrypted)
        protected = Protected(control, counter, key.seal(control, counter, apdu))
        tag = (DEDICATED if dedicated else GLOBAL).get(apdu[0])
        if tag is not None and (initiate or not setup.general):
            return ServiceCiphered(tag, protected).to_bytes()
        form = GeneralDedicated if dedicated else GeneralGlobal
        return form(setup.system_title, protected).to_bytes()

    def unprotect(self, raw: bytes) -> bytes:
        """The message inside `raw`; after a `SecurityError` (or `DecodeError`) nothing of it counts.

        Taken besides what `protect` makes: general-ciphering (DD) for us under the global key.
        """
        envelope = envelope_of(raw)
        if envelope is None:
            if (raw and raw[0] in _ERRORS_IN_PLAIN) or not self.setup.policy.protects:
                return raw
            reason = "a plain message came where a protected one is due"
            raise SecurityError(reason, raw, SecurityFault.UNPROTECTED)
        self._agrees(envelope.protected.control, raw)
        title = self._sender(envelope, raw)
        key = self._key_of(envelope, title, raw)
        name = key_name(key.encryption, title)
        counter = envelope.protected.counter
        heard = self._counters.heard(name)
        if counter <= heard:
            sent = f"invocation counter {counter} came after {heard} from system title {title.hex().upper()}"
            reason = f"{sent}: a message replayed or out of order"
            raise SecurityError(reason, raw, SecurityFault.COUNTER)
        message = self._verify(opened(envelope, key, raw), raw)
        self._counters.hear(name, counter)
        self._peer = title
        return message

    def _agrees(self, control: SecurityControl, raw: bytes) -> None:
        """Suite, policy, and nothing that was not agreed upon."""
        setup = self.setup
        if control.suite is not setup.suite:
            reason = f"protected in suite {control.suite:d}, suite {setup.suite:d} is agreed"
            raise SecurityError(reason, raw, SecurityFault.SUITE)
        lacks_tag = setup.policy.authenticated and not control.authenticated
        if lacks_tag or (setup.policy.encrypted and not control.encrypted):
            missing = "authenticated" if lacks_tag else "encrypted"
            raise SecurityError(f"the message is not {missing}, and must be", raw, SecurityFault.POLICY)
        if control.compressed or control.broadcast:
            how = "compressed" if control.compressed else "under the broadcast key"
            raise SecurityError(f"a message {how} was not agreed upon", raw, SecurityFault.POLICY)

    def _sender(self, envelope: Envelope, raw: bytes) -> bytes:
        match envelope:
            case ServiceCiphered():
                claimed = b""
            case GeneralCiphering():
                claimed = envelope.header.originator
                self._for_us(envelope.header, raw)
            case _:
                claimed = envelope.system_title
        title = claimed or self._peer or b""
        # Anybody could make a name for himself in a message that is encrypted alone.
        learnt = self._peer is not None or envelope.protected.control.authenticated
        if len(title) != SYSTEM_TITLE_BYTES or not learnt:
            raise SecurityError("the sender's system title is not known", raw, SecurityFault.SYSTEM_TITLE)
        return self._partner(title, raw)

    def _partner(self, title: bytes, raw: bytes) -> bytes:
        """`title`, when it may be the other side's."""
        if title == self.setup.system_title:
            reason = "our own system title came back: a message of ours, or two sides of one name"
            raise SecurityError(reason, raw, SecurityFault.SYSTEM_TITLE)
        if self._peer is not None and title != self._peer:
            reason = f"it came from system title {title.hex().upper()}, not {self._peer.hex().upper()}"
            raise SecurityError(reason, raw, SecurityFault.SYSTEM_TITLE)
        return title

    def _for_us(self, header: Header, raw: bytes) -> None:
        if header.recipient not in (b"", self.setup.system_title):
            reason = f"it is meant for system title {header.recipient.hex().upper()}"
            raise SecurityError(reason, raw, SecurityFault.SYSTEM_TITLE)

    def _key_of(self, envelope: Envelope, title: bytes, raw: bytes) -> Key:
        dedicated = not isinstance(envelope, GeneralCiphering) and envelope.dedicated
        if isinstance(envelope, GeneralCiphering) and envelope.key_info not in (None, IdentifiedKey()):
            raise SecurityError("ciphered with a key that was not agreed upon", raw, SecurityFault.KEY)
        # A meter may begin with the dedicated key while HLS is still under way: it was told in the initiate.
        session = self._dedicated or self.setup.dedicated_key
        if dedicated and session is None:
            raise SecurityError("ciphered with a dedicated key, and none was agreed", raw, SecurityFault.KEY)
        try:
            return self.setup.key(title, session if dedicated else None)
        except LocalError as missing:
            raise SecurityError("ciphered, and we hold no keys", raw, SecurityFault.KEY) from missing

    def _sign(self, apdu: bytes, counter: int) -> bytes:
        setup = self.setup
        header = Header(counter.to_bytes(8, "big"), setup.system_title, self._peer or b"")
        return GeneralSigning.signed(setup.suite, setup.signing_key or b"", header, apdu).to_bytes()

    def _verify(self, message: bytes, raw: bytes) -> bytes:
        """What a signature is about, when there is one; it must be where the policy says so."""
        if message[0] != GeneralSigning.TAG:
            if self.setup.policy.signed and message[0] not in INITIATE:
                raise SecurityError("the message is not signed, and must be", raw, SecurityFault.POLICY)
            return message
        signed = GeneralSigning.from_bytes(message)
        self._for_us(signed.header, raw)
        self._partner(signed.header.originator, raw)
        if self.setup.peer_verifying_key is None:
            reason = "the message is signed, and the other side's public key is not known"
            raise SecurityError(reason, raw, SecurityFault.KEY)
        return signed.verified(self.setup.suite, self.setup.peer_verifying_key)
