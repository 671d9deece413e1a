"""One connection to a broker: paho's in a thread of its own, its messages handed to the event loop.

A new object for every connection: what one brought is acknowledged on that one or not at all, for the
broker may have given the same number to something else since.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from collector.errors import CollectorError, reason
from collector.mqtt.settings import BrokerSettings

LONGEST_PACKET = 1 << 20
LEAVING_S = 3.0
RECEIPTS = 1000  # waiting to be taken by the broker; one more is left out, and the gateway asks again


class BrokerAway(CollectorError):
    """The broker cannot be reached, will not have us, or went."""


class _Tidy(ssl.SSLSocket):
    """Closed where the other end cannot be trusted; paho leaves that to the garbage collector."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message; `number` is to be acknowledged, 0 when nobody waits for that (QoS 0)."""

    topic: str
    payload: bytes
    number: int


class Connection:
    """`await opened`, then `deliveries()` until it is empty and `ended`; all but the callbacks belongs to
    the loop that made it."""

    def __init__(self, settings: BrokerSettings) -> None:
        self._settings, self._loop = settings, asyncio.get_running_loop()
        self._waiting: list[Delivery] = []
        self._news = asyncio.Event()
        self.ended = ""
        self.opened: asyncio.Future[None] = self._loop.create_future()
        self._over = asyncio.Event()
        self._leaving = False
        self._client = self._new_client()
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)
        self._thread.start()

    def _new_client(self) -> mqtt.Client:
        settings = self._settings
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            settings.client_id,
            protocol=mqtt.MQTTv5,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.connect_timeout = settings.connect_s
        client.max_queued_messages_set(RECEIPTS)
        if settings.user:
            client.username_pw_set(settings.user, settings.password or None)
        client.on_connect, client.on_subscribe = self._on_connect, self._on_subscribe
        client.on_message, client.on_disconnect = self._on_message, self._on_disconnect
        # With it, packets of other threads wait for ours instead of being written by theirs.
        client.on_socket_register_write = lambda *_: None
        return client

    # What follows runs in the thread.

    def _run(self) -> None:
        client, settings = self._client, self._settings
        said = "the connection broke"
        try:
            if settings.tls:
                trusting = ssl.create_default_context(cafile=settings.ca)
                trusting.sslsocket_class = _Tidy
                client.tls_set_context(trusting)
            wanted = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            wanted.SessionExpiryInterval = settings.session_s
            wanted.ReceiveMaximum = settings.in_flight
            wanted.MaximumPacketSize = LONGEST_PACKET
            client.connect(
                settings.host, settings.port, settings.keep_alive_s, clean_start=False, properties=wanted
            )
            while client.loop(1.0) == mqtt.MQTT_ERR_SUCCESS:
                pass
        except ssl.SSLError as error:
            said = f"TLS: {getattr(error, 'verify_message', '') or error.reason or error}"
        except OSError as error:
            said = reason(error)
        except ValueError as error:  # a host, a CA file or a packet that cannot be
            said = str(error)
        finally:
            if (left := client.socket()) is not None:
                left.close()
            self._tell(self._end, said)

    def _on_connect(
        self, client: mqtt.Client, data: Any, flags: Any, code: ReasonCode, properties: Any
    ) -> None:
        if code.is_failure:
            self._tell(self._end, f"it will not have us ({code})")
            return
        client.subscribe(
            self._settings.subscription,
            options=SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND),
        )

    def _on_subscribe(self, client: Any, data: Any, number: int, codes: list[ReasonCode], _: Any) -> None:
        if any(code.is_failure for code in codes):
            self._tell(
                self._end, f"it does not let us subscribe to {self._settings.subscription} ({codes[0]})"
            )
        else:
            self._tell(self._open)

    def _on_message(self, client: Any, data: Any, message: mqtt.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        number = message.mid if message.qos else 0
        self._tell(self._arrived, Delivery(topic, bytes(message.payload), number))

    def _on_disconnect(self, client: Any, data: Any, flags: Any, code: ReasonCode, properties: Any) -> None:
        self._tell(self._end, f"the connection broke ({code})")

    def _tell(self, what: Any, *arguments: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to be told
            self._loop.call_soon_threadsafe(what, *arguments)

    # What follows runs in the loop.

    def _open(self) -> None:
        if not self.opened.done():
            self.opened.set_result(None)

    def _end(self, said: str) -> None:
        self.ended = self.ended or said
        if not self.opened.done():
            self.opened.set_exception(
                BrokerAway(f"the MQTT broker {self._settings.where} cannot be used: {self.ended}")
            )
            self.opened.exception()  # heard here, should nobody wait for it any more
        self._waiting.clear()  # not acknowledged, so it comes again
        self._news.set()
        self._over.set()

    def _arrived(self, delivery: Delivery) -> None:
        if not self.ended:
            self._waiting.append(delivery)
            self._news.set()

    async def deliveries(self, most: int) -> list[Delivery]:
        """What has come, at least one; none when the connection has ended."""
        while not self._waiting and not self.ended:
            self._news.clear()
            await self._news.wait()
        taken = self._waiting[:most]
        del self._waiting[:most]
        return taken

    def acknowledge(self, delivery: Delivery) -> None:
        """It is on the disk: the broker may forget it."""
        if delivery.number and not self.ended:
            self._client.ack(delivery.number, 1)

    def publish(self, topic: str, payload: bytes) -> None:
        """Pass a receipt on, when there is room for it."""
        if not self.ended:
            self._client.publish(topic, payload, qos=1)

    async def over(self, within_s: float) -> bool:
        """Wait so long for the end; whether it came."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), within_s)
        return bool(self.ended)

    async def close(self) -> None:
        """Say goodbye; the session stays at the broker."""
        self._end("closed here")
        self._client.disconnect()
        for _ in range(int(LEAVING_S / 0.02)):
            if not self._thread.is_alive():
                break
            await asyncio.sleep(0.02)
