"""The meter's half of a DLMS conversation: bytes in, bytes out; what it holds is asked of `ObjectServer`.

Several meters may stand behind one line, told apart by their wrapper port or HDLC address; an address nobody
answers to stays silent, as a dead meter on a bus does.
"""

import secrets
from collections.abc import Callable, Mapping
from typing import Final

from protocols.dlms import apdu as messages
from protocols.dlms.apdu import Aare, Aarq, ConfirmedServiceError, Rlrq
from protocols.dlms.enums import AssociationResult, InitiateError, ServiceError, StateError, UserDiagnostic
from protocols.dlms.framing import Arrival, Parted, ServerFraming, WrapperServerFraming
from protocols.dlms.notice import Notification
from protocols.dlms.security import Protection
from protocols.dlms.server_access import ClientAccess, Device, ObjectServer, WritableObjectServer
from protocols.dlms.server_association import Association, exception, mistrusted
from protocols.dlms.server_opening import open_association
from protocols.errors import DecodeError, RemoteError, SecurityError

__all__ = ["ClientAccess", "Device", "ObjectServer", "ServerConnection", "WritableObjectServer"]
MAX_ASSOCIATIONS: Final = 16
MAX_AT_ONCE: Final = 256
"""Messages taken out of one chunk: a client that asks so much without waiting for answers is none."""


class ServerConnection:
    """One line (a TCP connection, a bus); `devices` by wrapper port, or by what `framing` calls them."""

    def __init__(
        self,
        devices: Mapping[int, Device],
        framing: ServerFraming | None = None,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._devices = devices
        self._framing = framing or WrapperServerFraming()
        self._random_bytes = random_bytes
        self._associations: dict[tuple[int, int], Association] = {}

    def receive(self, chunk: bytes) -> bytes:
        """The answers to what these bytes ask, possibly none; `RemoteError` when they are no frames."""
        arrivals = self._framing.feed(chunk)
        if len(arrivals) > MAX_AT_ONCE:
            raise RemoteError(f"{len(arrivals)} messages came at once, {MAX_AT_ONCE} are taken", chunk[:64])
        return self._serve(arrivals) + self._framing.replies()

    def on_silence(self) -> None:
        """The line was quiet for its inactivity time-out: what it carried is closed."""
        self._serve(self._framing.on_silence())

    def push(self, client: int, server: int, notification: Notification) -> bytes:
        """What tells `client` something it has not asked for.

        Protected as the client's association is or, where there is none, as its access says; in blocks where
        it is longer than the client takes and the association has general blocks.
        """
        payload = notification.to_bytes()
        association = self._associations.get((client, server))
        if association is not None:
            pieces = association.told(payload)
        else:
            access = self._devices[server].clients.get(client)
            if access is not None and access.security is not None and access.counters is not None:
                payload = Protection(access.security, access.counters).protect(payload)
            pieces = [payload]
        return b"".join([self._framing.notify(client, server, piece) for piece in pieces])

    def _serve(self, arrivals: list[Arrival]) -> bytes:
        out = bytearray()
        for arrival in arrivals:
            ends = (arrival.client, arrival.server)
            if isinstance(arrival, Parted):
                self._associations.pop(ends, None)
                continue
            device = self._devices.get(arrival.server)
            if device is not None:
                for answer in self._answer(device, ends, arrival.payload):
                    out += self._framing.wrap(*ends, answer) if arrival.confirmed else b""
        return bytes(out)

    def _answer(self, device: Device, ends: tuple[int, int], payload: bytes) -> list[bytes]:
        tag = payload[0] if payload else -1
        if tag in (Aarq.TAG, Rlrq.TAG):
            try:
                request = messages.decode(payload)
            except DecodeError:
                return [exception(StateError.SERVICE_UNKNOWN, ServiceError.OTHER_REASON)]
            if isinstance(request, Aarq):
                return [self._associate(device, ends, request).to_bytes()]
            if isinstance(request, Rlrq) and ends in self._associations:
                return [self._release(ends, request)]
        association = self._associations.get(ends)
        if association is None:
            return [exception(StateError.SERVICE_NOT_ALLOWED, ServiceError.OPERATION_NOT_POSSIBLE)]
        if len(payload) > device.max_pdu:
            return [exception(StateError.SERVICE_NOT_ALLOWED, ServiceError.PDU_TOO_LONG)]
        answers = association.answer(payload)
        if association.over:
            del self._associations[ends]
        return answers

    def _associate(self, device: Device, ends: tuple[int, int], request: Aarq) -> Aare:
        self._associations.pop(ends, None)
        if len(self._associations) >= MAX_ASSOCIATIONS:
            why = ConfirmedServiceError(1, 6, InitiateError.OTHER).to_bytes()
            return Aare(AssociationResult.REJECTED_TRANSIENT, UserDiagnostic.NO_REASON_GIVEN, why)
        answer, association = open_association(device, ends[0], request, self._random_bytes)
        if association is not None:
            self._associations[ends] = association
        return answer

    def _release(self, ends: tuple[int, int], request: Rlrq) -> bytes:
        try:
            answer = self._associations[ends].leave(request)
        except SecurityError as wrong:
            return mistrusted(wrong)
        except DecodeError:
            return exception(StateError.SERVICE_UNKNOWN, ServiceError.OTHER_REASON)
        del self._associations[ends]
        return answer
