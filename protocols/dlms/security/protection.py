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
    Envelope,
    GeneralDedicated,
    GeneralGlobal,
    Protected,
    ServiceCiphered,
    open_envelope,
)  # fmt: skip
from protocols.dlms.security.setup import SecuritySetup
from protocols.dlms.security.suites import SYSTEM_TITLE_BYTES
from protocols.errors import LocalError, SecurityError, SecurityFault

_ERRORS_IN_PLAIN: Final = frozenset((0xD8, 0x0E))


class Protection:
    """One association's security, client or server; keeps nothing but counters, titles and keys."""

    def __init__(self, setup: SecuritySetup, counters: CounterStore) -> None:
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
            raise SecurityError(
                f"the other side's system title has {len(found)} bytes, not 8",
                found,
                SecurityFault.SYSTEM_TITLE,
            )
        if found == self.setup.system_title:
            raise SecurityError("our own system title came back", found, SecurityFault.SYSTEM_TITLE)
        if self._peer not in (None, found):
            raise self._stranger(found, found)
        self._peer = found

    def dedicate(self, key: bytes | None = None) -> None:
        """From now on everything but initiate messages goes under the dedicated key.

        Client: after the AARE, without argument (the setup's key). Server: the key in the initiate request.
        """
        chosen = key if key is not None else self.setup.dedicated_key
        if chosen is None:
            raise LocalError("there is no dedicated key to change to")
        if len(chosen) != self.setup.suite.key_bytes:
            raise SecurityError(
                f"a dedicated key of {len(chosen)} bytes, {self.setup.suite.key_bytes} are due",
                b"",
                SecurityFault.KEY,
            )
        self._dedicated = chosen

    def protect(self, apdu: bytes) -> bytes:
        """`apdu` as it travels; uses up one invocation counter.

        Initiate messages become 21 and 28 under the global key; the rest their glo- or ded- form, or
        DB/DC when the setup says general or the service has no form of its own (data-notification, access).
        """
        if not apdu:
            raise LocalError("an empty message cannot be protected")
        initiate = apdu[0] in INITIATE
        dedicated = self._dedicated is not None and not initiate
        policy = self.setup.policy
        control = SecurityControl(self.setup.suite, policy.authenticated, policy.encrypted)
        key = self._key(self.setup.system_title, dedicated)
        counter = self._counters.next(key_name(key.encryption, key.title))
        protected = Protected(control, counter, key.seal(control, counter, apdu))
        tag = (DEDICATED if dedicated else GLOBAL).get(apdu[0])
        if tag is not None and (initiate or not self.setup.general):
            return ServiceCiphered(tag, protected).to_bytes()
        form = GeneralDedicated if dedicated else GeneralGlobal
        return form(self.setup.system_title, protected).to_bytes()

    def unprotect(self, raw: bytes) -> bytes:
        """The message inside `raw`; after a `SecurityError` (or `DecodeError`) nothing of it counts."""
        envelope = open_envelope(raw)
        if envelope is None:
            if raw[:1] and raw[0] in _ERRORS_IN_PLAIN:
                return raw
            raise SecurityError(
                "a plain message came where a protected one is due", raw, SecurityFault.UNPROTECTED
            )
        self._agrees(envelope.protected.control, raw)
        title = self._sender(envelope, raw)
        key = self._key(title, envelope.dedicated, raw)
        name = key_name(key.encryption, title)
        counter = envelope.protected.counter
        heard = self._counters.heard(name)
        if counter <= heard:
            reason = f"invocation counter {counter} came after {heard}: a message replayed or out of order"
            raise SecurityError(reason, raw, SecurityFault.COUNTER)
        try:
            message = key.open(envelope.protected.control, counter, envelope.protected.sealed)
        except SecurityError as wrong:
            raise SecurityError(wrong.reason, raw, wrong.fault) from wrong
        _is_what_it_says(envelope, message, raw)
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
        claimed = b"" if isinstance(envelope, ServiceCiphered) else envelope.system_title
        title = claimed or self._peer
        if title is None:
            raise SecurityError("the sender's system title is not known", raw, SecurityFault.SYSTEM_TITLE)
        if title == self.setup.system_title:
            raise SecurityError("our own message came back", raw, SecurityFault.SYSTEM_TITLE)
        if self._peer not in (None, title):
            raise self._stranger(title, raw)
        return title

    def _stranger(self, title: bytes, raw: bytes) -> SecurityError:
        expected = (self._peer or b"").hex().upper()
        reason = f"it came from system title {title.hex().upper()}, {expected} was expected"
        return SecurityError(reason, raw, SecurityFault.SYSTEM_TITLE)

    def _key(self, title: bytes, dedicated: bool, raw: bytes = b"") -> Key:
        encryption = self._dedicated if dedicated else self.setup.encryption_key
        if encryption is None:
            raise SecurityError("ciphered with a dedicated key, and none was agreed", raw, SecurityFault.KEY)
        return Key(encryption, self.setup.authentication_key, title)


def _is_what_it_says(envelope: Envelope, message: bytes, raw: bytes) -> None:
    """A glo-get-response must hold a get-response, and no envelope may hold another one unopened."""
    if not message:
        raise SecurityError("nothing is inside the protected message", raw, SecurityFault.FORM)
    if isinstance(envelope, ServiceCiphered) and message[0] != envelope.plain_tag:
        reason = f"a message {envelope.tag:02X} holds {message[0]:02X}, not {envelope.plain_tag:02X}"
        raise SecurityError(reason, raw, SecurityFault.FORM)
