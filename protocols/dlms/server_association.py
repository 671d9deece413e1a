"""One client's association with one meter once it is accepted: what protects it, what it is served."""

from typing import Final

from protocols.dlms import apdu as messages
from protocols.dlms import axdr
from protocols.dlms.apdu import (
    ActionRequestNormal,
    ActionResponseNormal,
    Apdu,
    ExceptionResponse,
    GeneralBlock,
    InitiateRequest,
    InitiateResponse,
    Outcome,
    Rlre,
    Rlrq,
)  # fmt: skip
from protocols.dlms.client_opening import REPLY_TO_HLS
from protocols.dlms.enums import ActionResult, Conformance, ServiceError, StateError
from protocols.dlms.general_block import GeneralBlocks, unconfirmed
from protocols.dlms.security import Challenge, Protection, key_name
from protocols.dlms.security.envelopes import is_dedicated
from protocols.dlms.server_access import ClientAccess, Device
from protocols.dlms.server_services import MAX_REQUEST, Services
from protocols.errors import DecodeError, RemoteError, SecurityError, SecurityFault

PROTECTION_BYTES: Final = 32
"""What protection adds to a message at the most: tag, length, title, control, counter, tag."""
_GENERAL: Final = bytes((GeneralBlock.TAG,))


class Association:
    """An accepted association; while `challenge` is there it serves nothing but the client's proof."""

    def __init__(
        self,
        device: Device,
        access: ClientAccess,
        proposal: InitiateRequest,
        protection: Protection | None,
        challenge: Challenge | None,
    ) -> None:
        offered = device.conformance if access.conformance is None else access.conformance
        self.granted = proposal.conformance & offered & device.conformance
        self.max_pdu = min(proposal.max_pdu or device.max_pdu, device.max_pdu)
        self.over = False
        """The proof was wrong: nothing is served any more."""
        self._device, self._access = device, access
        self._protection, self._challenge = protection, challenge
        self._dedicated = None if protection is None else proposal.dedicated_key
        room = self.max_pdu - (0 if protection is None else PROTECTION_BYTES)
        self._services = Services(access.objects or device.objects, self.granted, room)
        self._blocks: GeneralBlocks | None = None

    def grant(self) -> bytes:
        """The initiate response as it travels; without HLS the association then stands."""
        raw = self.protect(InitiateResponse(self.granted, self._device.max_pdu).to_bytes())
        if self._challenge is None:
            self._dedicate()
        return raw

    def answer(self, payload: bytes) -> list[bytes]:
        """What goes out for one message: an answer, or blocks of it, or nothing."""
        if payload[:1] != _GENERAL:
            self._blocks = None
            response = self._answer(payload, in_blocks=False)
            if len(response) > self.max_pdu and Conformance.GENERAL_BLOCK_TRANSFER in self.granted:
                self._blocks = self._general()
                return self._blocks.send(response)
            return [response] if response else []
        if Conformance.GENERAL_BLOCK_TRANSFER not in self.granted:
            return [exception(StateError.SERVICE_NOT_ALLOWED, ServiceError.SERVICE_NOT_SUPPORTED)]
        try:
            if self._blocks is None or self._blocks.begins_anew(payload):
                self._blocks = self._general()
            whole, answers = self._blocks.receive(payload)
        except RemoteError:
            self._blocks = None
            return [exception(StateError.SERVICE_UNKNOWN, ServiceError.OTHER_REASON)]
        if whole is None:
            return answers
        response = self._answer(whole, in_blocks=True)
        return self._blocks.send(response) if response else []

    def protect(self, apdu: bytes) -> bytes:
        """A message of ours as it travels in this association."""
        return apdu if self._protection is None else self._protection.protect(apdu)

    def told(self, notification: bytes) -> list[bytes]:
        """A notification as it travels: protected, in blocks where it is longer than the client takes."""
        payload = self.protect(notification)
        if len(payload) > self.max_pdu and Conformance.GENERAL_BLOCK_TRANSFER in self.granted:
            return unconfirmed(payload, self.max_pdu)
        return [payload]

    def leave(self, request: Rlrq) -> bytes:
        """RLRE; `SecurityError` when the one who takes leave is not the one who came."""
        if self._protection is None or request.user_information is None:
            return Rlre().to_bytes()
        self._protection.unprotect(request.user_information)
        grant = InitiateResponse(self.granted, self._device.max_pdu).to_bytes()
        return Rlre(user_information=self._protection.protect(grant)).to_bytes()

    def _general(self) -> GeneralBlocks:
        return GeneralBlocks(self._device.general_window, self.max_pdu, MAX_REQUEST, by_client=False)

    def _dedicate(self) -> None:
        if self._protection is not None and self._dedicated is not None:
            self._protection.dedicate(self._dedicated)

    def _answer(self, payload: bytes, *, in_blocks: bool) -> bytes:
        # Some clients take the dedicated key for the passes of HLS already, some only after them.
        if self._challenge is not None and is_dedicated(payload):
            self._dedicate()
        try:
            raw = payload if self._protection is None else self._protection.unprotect(payload)
            request = messages.decode(raw)
        except SecurityError as wrong:
            return mistrusted(wrong, self._expected(wrong))
        except DecodeError:
            return exception(StateError.SERVICE_UNKNOWN, ServiceError.OTHER_REASON)
        if self._challenge is not None:
            return self._prove(self._challenge, request)
        response = self._services.serve(request, cut=not in_blocks)
        if response is None:
            return exception(StateError.SERVICE_NOT_ALLOWED, ServiceError.SERVICE_NOT_SUPPORTED)
        invoke = getattr(request, "invoke", None)
        if invoke is not None and not invoke.confirmed and raw[0] != 0xC0:
            return b""  # the client wants no answer; to a question that cannot be meant
        return self.protect(response.to_bytes())

    def _expected(self, wrong: SecurityError) -> int | None:
        """The lowest counter that will be believed of this client, where that was what was wrong."""
        protection, counters = self._protection, self._access.counters
        if wrong.fault is not SecurityFault.COUNTER or protection is None or counters is None:
            return None
        title, key = protection.peer_system_title or b"", protection.setup.encryption_key or b""
        return counters.heard(key_name(self._dedicated or key, title)) + 1

    def _prove(self, challenge: Challenge, request: Apdu) -> bytes:
        """Passes 3 and 4 of HLS: the one thing to be asked before the client has proven itself."""
        if not isinstance(request, ActionRequestNormal) or request.method != REPLY_TO_HLS:
            return exception(StateError.SERVICE_NOT_ALLOWED, ServiceError.OPERATION_NOT_POSSIBLE)
        try:
            challenge.check(axdr.octets_of(request.parameters or axdr.NULL, "the answer to HLS"))
        except (SecurityError, DecodeError):
            self.over = True
            outcome = Outcome(ActionResult.OTHER_REASON)
            return self.protect(ActionResponseNormal(request.invoke, outcome).to_bytes())
        answer = axdr.encode(axdr.octet_string(challenge.answer()))
        response = ActionResponseNormal(request.invoke, Outcome(ActionResult.SUCCESS, answer))
        raw = self.protect(response.to_bytes())
        self._challenge = None
        self._dedicate()
        return raw


def exception(state: StateError, service: ServiceError, counter: int | None = None) -> bytes:
    """An exception-response; it travels unprotected."""
    return ExceptionResponse(state, service, counter).to_bytes()


def mistrusted(wrong: SecurityError, expected: int | None = None) -> bytes:
    """What a client hears whose message cannot be believed; `expected` is the counter it has to reach."""
    if wrong.fault is not SecurityFault.COUNTER:
        return exception(StateError.SERVICE_NOT_ALLOWED, ServiceError.DECIPHERING_ERROR)
    return exception(StateError.SERVICE_NOT_ALLOWED, ServiceError.INVOCATION_COUNTER_ERROR, expected)
