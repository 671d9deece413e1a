"""Whether a client may come in: what its AARQ proposes held against what its address is allowed."""

import hmac
from collections.abc import Callable
from typing import Final

from protocols.dlms.apdu import Aare, Aarq, ConfirmedServiceError, InitiateRequest
from protocols.dlms.enums import (
    AssociationResult,
    Conformance,
    Context,
    InitiateError,
    Mechanism,
    UserDiagnostic,
)  # fmt: skip
from protocols.dlms.initiate import DLMS_VERSION
from protocols.dlms.security import Challenge, Protection, new_challenge
from protocols.dlms.server_access import ClientAccess, Device
from protocols.dlms.server_association import PROTECTION_BYTES, Association
from protocols.errors import DecodeError, SecurityError

MIN_PDU: Final = 32
_SERVICES: Final = Conformance.GET | Conformance.SET | Conformance.ACTION


class _Refusal(Exception):
    """Why not: the diagnostic, and the initiate error beside it."""

    def __init__(self, diagnostic: UserDiagnostic, error: InitiateError = InitiateError.OTHER) -> None:
        super().__init__(diagnostic.name)
        self.diagnostic, self.error = diagnostic, error


def open_association(
    device: Device, client: int, request: Aarq, random_bytes: Callable[[int], bytes]
) -> tuple[Aare, Association | None]:
    """The AARE for an AARQ, and the association it opens, None when it opens none."""
    access = device.clients.get(client)
    try:
        if access is None:
            raise _Refusal(UserDiagnostic.NO_REASON_GIVEN)
        _admit(access, request)
        keys = _keys(access, request)
        protection = keys if access.context is Context.LN_CIPHERED else None
        proposal = _proposal(request, protection)
        challenge, ours = _challenge(access, request, keys, random_bytes)
        association = Association(device, access, proposal, protection, challenge)
        if not association.granted & _SERVICES:
            raise _Refusal(UserDiagnostic.NO_REASON_GIVEN, InitiateError.INCOMPATIBLE_CONFORMANCE)
        grant = association.grant()
    except _Refusal as refusal:
        why = ConfirmedServiceError(1, 6, refusal.error).to_bytes()
        context = Context.LN if access is None else access.context
        return Aare(AssociationResult.REJECTED_PERMANENT, refusal.diagnostic, why, context), None
    diagnostic = UserDiagnostic.NULL if challenge is None else UserDiagnostic.AUTHENTICATION_REQUIRED
    title = None if access.security is None else access.security.system_title
    accepted = Aare(
        AssociationResult.ACCEPTED, diagnostic, grant, access.context, request.mechanism, ours, title
    )  # fmt: skip
    return accepted, association


def _admit(access: ClientAccess, request: Aarq) -> None:
    """Context, mechanism and, with LLS, the password."""
    if request.context is not access.context:
        raise _Refusal(UserDiagnostic.APPLICATION_CONTEXT_NAME_NOT_SUPPORTED)
    if request.mechanism is not access.mechanism:
        if request.mechanism is Mechanism.NONE:
            raise _Refusal(UserDiagnostic.AUTHENTICATION_REQUIRED)
        raise _Refusal(UserDiagnostic.AUTHENTICATION_MECHANISM_NAME_NOT_RECOGNISED)
    if access.mechanism is Mechanism.LLS and not hmac.compare_digest(
        access.password or b"", request.password or b""
    ):
        raise _Refusal(UserDiagnostic.AUTHENTICATION_FAILURE)


def _keys(access: ClientAccess, request: Aarq) -> Protection | None:
    if access.security is None or access.counters is None:
        return None
    keys = Protection(access.security, access.counters)
    if access.context is Context.LN_CIPHERED or request.system_title is not None:
        try:
            keys.meet(request.system_title)
        except SecurityError as wrong:
            raise _Refusal(UserDiagnostic.CALLING_AP_TITLE_NOT_RECOGNIZED) from wrong
    return keys


def _proposal(request: Aarq, protection: Protection | None) -> InitiateRequest:
    try:
        raw = request.user_information
        proposal = InitiateRequest.from_bytes(raw if protection is None else protection.unprotect(raw))
    except SecurityError as wrong:
        raise _Refusal(UserDiagnostic.AUTHENTICATION_FAILURE) from wrong
    except DecodeError as wrong:
        raise _Refusal(UserDiagnostic.NO_REASON_GIVEN) from wrong
    if proposal.version < DLMS_VERSION:
        raise _Refusal(UserDiagnostic.NO_REASON_GIVEN, InitiateError.DLMS_VERSION_TOO_LOW)
    smallest = MIN_PDU + (0 if protection is None else PROTECTION_BYTES)
    if 0 < proposal.max_pdu < smallest:
        raise _Refusal(UserDiagnostic.NO_REASON_GIVEN, InitiateError.PDU_SIZE_TOO_SHORT)
    key = proposal.dedicated_key
    if protection is not None and key is not None and len(key) != protection.setup.suite.key_bytes:
        raise _Refusal(UserDiagnostic.NO_REASON_GIVEN)
    return proposal


def _challenge(
    access: ClientAccess, request: Aarq, keys: Protection | None, random_bytes: Callable[[int], bytes]
) -> tuple[Challenge | None, bytes | None]:
    """With HLS, what the client will have to prove, and our challenge."""
    if access.mechanism <= Mechanism.LLS:
        return None, None
    ours = new_challenge(32 if access.mechanism is Mechanism.HLS_ECDSA else 16, random_bytes)
    try:
        challenge = Challenge(
            access.mechanism, ours, request.password or b"", access.password, access.security,
            access.counters, None if keys is None else keys.peer_system_title,
        )  # fmt: skip
    except SecurityError as wrong:
        raise _Refusal(UserDiagnostic.AUTHENTICATION_FAILURE) from wrong
    return challenge, ours
