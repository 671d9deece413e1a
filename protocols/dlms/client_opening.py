"""How a client opens an association: its proposal, what the meter made of it, and the proof of HLS.

The passes of HLS (IEC 62056-5-3, 5.3.4): our challenge goes out in the AARQ, the meter's comes in the AARE;
we answer it through method 1 of the current association, and what that returns must answer ours.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from protocols.dlms import axdr
from protocols.dlms.acse import aarq, identifiers, information
from protocols.dlms.apdu import (
    Aare,
    Aarq,
    ActionRequestNormal,
    Attribute,
    ConfirmedServiceError,
    ExceptionResponse,
    InitiateRequest,
    InitiateResponse,
    InvokeId,
    Outcome,
    Rlrq,
)
from protocols.dlms.client_settings import ClientSettings
from protocols.dlms.enums import AssociationResult, Conformance, Context, Mechanism, UserDiagnostic
from protocols.dlms.security import Challenge, Protection, new_challenge
from protocols.errors import (
    AssociationRefused,
    RemoteError,
    SecurityError,
    SecurityFault,
    ServiceRefused,
    spoken,
)
from protocols.obis import Obis

CURRENT_ASSOCIATION: Final = Obis(0, 0, 40, 0, 0, 255)
REPLY_TO_HLS: Final = Attribute(15, CURRENT_ASSOCIATION, 1)
NOTHING: Final = Conformance(0)
_ERROR: Final = bytes((ConfirmedServiceError.TAG,))
_FAREWELL: Final = Rlrq().to_bytes()


class Opening:
    """One attempt to associate; afterwards, what protects the association."""

    protection: Protection | None = None
    """What every message but ACSE's goes through; None in an association without ciphering."""
    _keys: Protection | None = None
    _challenge: Challenge | None = None
    _ours = b""

    def __init__(self, settings: ClientSettings, random_bytes: Callable[[int], bytes]) -> None:
        self.settings = settings
        self._context = settings.context
        if settings.security is not None and settings.counters is not None:
            self._keys = Protection(settings.security, settings.counters)
        if self._context is Context.LN_CIPHERED:
            self.protection = self._keys
        if settings.mechanism > Mechanism.LLS:
            self._ours = new_challenge(32 if settings.mechanism is Mechanism.HLS_ECDSA else 16, random_bytes)

    @property
    def anew(self) -> bool:
        """Whether it may open once more: it has neither keys nor a challenge, which are for one attempt."""
        return self._keys is None and not self._ours

    def request(self) -> bytes:
        """AARQ."""
        settings, security = self.settings, self.settings.security
        if security is None:
            head = identifiers(self._context, settings.mechanism, None)
            proposal = _plain_proposal(settings.proposed, settings.max_pdu)
            return aarq(head, self._ours or settings.password, proposal)
        # A dedicated key goes out only where nobody else can read it.
        dedicated = security.dedicated_key if self.protection is not None else None
        return Aarq(
            self._initiate(dedicated),
            self._context,
            settings.mechanism,
            self._ours or settings.password,
            security.system_title,
        ).to_bytes()

    def answered(self, message: Aare, raw: bytes) -> InitiateResponse:
        """What an AARE grants; raises `AssociationRefused`, `ServiceRefused`, `RemoteError`."""
        if message.result is not AssociationResult.ACCEPTED:
            raise AssociationRefused(message.result, message.diagnostic, raw)
        if message.context is not self._context:
            reason = f"the association opened in context {message.context.name}, not {self._context.name}"
            if self._context is Context.LN_CIPHERED:  # somebody wants to be read with less
                raise SecurityError(reason, raw, SecurityFault.POLICY)
            raise RemoteError(reason, raw)
        if self._keys is not None and (self.protection is not None or message.system_title is not None):
            self._keys.meet(message.system_title)
        information = message.user_information or b""
        if self.protection is not None:
            information = self.protection.unprotect(information)
        if information[:1] == _ERROR:
            raise service_refused(ConfirmedServiceError.from_bytes(information), raw)
        grant = _granted(information)
        if self._ours:
            self._challenged(message, raw)
        elif self.protection is not None:
            self._dedicate()
        return grant

    def _challenged(self, message: Aare, raw: bytes) -> None:
        settings = self.settings
        if message.mechanism is not settings.mechanism or message.challenge is None:
            without = " without a challenge" if message.challenge is None else ""
            reason = f"{settings.mechanism.name} was proposed, the meter answers {message.mechanism.name}"
            raise SecurityError(reason + without, raw, SecurityFault.POLICY)
        self._challenge = Challenge(
            settings.mechanism, self._ours, message.challenge, settings.password, settings.security,
            settings.counters, None if self._keys is None else self._keys.peer_system_title,
        )  # fmt: skip

    def _dedicate(self) -> None:
        if self.protection is not None and self.protection.setup.dedicated_key is not None:
            self.protection.dedicate()

    def proof(self, invoke: InvokeId) -> ActionRequestNormal | None:
        """Pass 3, None where the mechanism has none."""
        if self._challenge is None:
            return None
        return ActionRequestNormal(invoke, REPLY_TO_HLS, axdr.octet_string(self._challenge.answer()))

    def proven(self, outcome: Outcome, raw: bytes) -> None:
        """Pass 4; raises `AssociationRefused` for a no, `SecurityError` when the meter has not our keys."""
        returned = outcome.returned
        if self._challenge is None or outcome.result or not isinstance(returned, bytes):
            diagnostic = UserDiagnostic.AUTHENTICATION_FAILURE
            raise AssociationRefused(AssociationResult.REJECTED_PERMANENT, diagnostic, raw)
        self._challenge.check(axdr.octets_of(axdr.decode(returned), "the meter's answer to HLS"))
        self._dedicate()

    def farewell(self) -> bytes:
        """RLRQ; the initiate request comes again where it is ciphered, to show who takes leave."""
        return (
            _FAREWELL if self.protection is None else Rlrq(user_information=self._initiate(None)).to_bytes()
        )

    def _initiate(self, dedicated_key: bytes | None) -> bytes:
        proposed = (self.settings.proposed, self.settings.max_pdu)
        if dedicated_key is None:
            proposal = _proposal(*proposed)
        else:  # a key is not kept longer than it is needed
            proposal = InitiateRequest(*proposed, dedicated_key).to_bytes()
        return proposal if self.protection is None else self.protection.protect(proposal)


_granted = lru_cache(maxsize=128)(InitiateResponse.from_bytes)


@lru_cache(maxsize=16)
def _proposal(proposed: Conformance, max_pdu: int) -> bytes:
    return InitiateRequest(proposed, max_pdu).to_bytes()


@lru_cache(maxsize=16)
def _plain_proposal(proposed: Conformance, max_pdu: int) -> bytes:
    """As it stands in an AARQ without ciphering, alike for all meters of a kind."""
    return information(_proposal(proposed, max_pdu))


@lru_cache(maxsize=128)
def both(granted: Conformance, proposed: Conformance) -> Conformance:
    """What one side grants of what the other has proposed; meters of a kind do that alike."""
    return granted & proposed


def service_refused(message: ExceptionResponse | ConfirmedServiceError, raw: bytes) -> ServiceRefused:
    """A no to the whole request, as it is raised."""
    if isinstance(message, ConfirmedServiceError):
        reason = f"the meter answered with service error {message.error!r}"
        return ServiceRefused(reason, raw, (message.error,))
    errors = (message.state_error, message.service_error)
    words = ", ".join(spoken(error) for error in errors)
    return ServiceRefused(f"the meter answered with an exception: {words}", raw, errors)
