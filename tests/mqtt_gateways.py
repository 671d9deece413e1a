"""Gateways in a process of its own: each keeps a document until it is told that it has been kept.

python -m tests.mqtt_gateways PORT GATEWAYS DOCUMENTS -- prints one line of JSON for each receipt: gateway,
message, taken; ends when everything has one. Plain MQTT of paho, and nothing of the product.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from datetime import datetime, timedelta, timezone

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

ZONE = timezone(timedelta(hours=7))
BEGIN = datetime(2026, 9, 1, tzinfo=ZONE)
AGAIN_S = 2.0
_printing = threading.Lock()


def document(number: int, message: int) -> bytes:
    """Hour `message` of September: two half-hours and the index at their end."""
    first, second = (BEGIN + timedelta(minutes=30 * (2 * message + i)) for i in (1, 2))
    return json.dumps(
        {
            "gateway": f"GW{number:03}",
            "meter": f"M{number:03}",
            "message": f"m-{message}",
            "clock": second.isoformat(),
            "registers": [
                {"obis": "1.0.1.8.0.255", "raw": 1000 * number + message, "scaler": 0, "unit": "Wh",
                 "at": second.isoformat()}
            ],
            "profile": {
                "obis": "1.0.99.1.0.255",
                "interval_s": 1800,
                "columns": [{"obis": "1.0.1.29.0.255", "kind": "interval_energy", "scaler": 0, "unit": "Wh"}],
                "rows": [[first.isoformat(), 0, number], [second.isoformat(), 0, message]],
            },
        }
    ).encode()  # fmt: skip


class Gateway:
    """One client; sends what is due one after the other, again when no receipt comes."""

    def __init__(self, port: int, number: int, documents: int) -> None:
        self.number, self.left = number, dict.fromkeys(range(documents), 0.0)
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, f"GW{number:03}", protocol=mqtt.MQTTv5)
        self.client.on_connect = self._connected
        self.client.on_message = self._receipt
        self.client.reconnect_delay_set(1, 1)
        self.client.connect_async("127.0.0.1", port, 30)
        self.client.loop_start()

    def _connected(self, client: mqtt.Client, *_: object) -> None:
        client.subscribe(f"ami/receipt/GW{self.number:03}", qos=1)

    def _receipt(self, client: mqtt.Client, data: object, message: mqtt.MQTTMessage) -> None:
        told = json.loads(message.payload)
        if self.left.pop(int(told["message"].removeprefix("m-")), None) is not None:
            with _printing:
                print(json.dumps([self.number, told["message"], told["taken"]]), flush=True)

    def tick(self, now: float) -> None:
        if not self.client.is_connected():
            return
        for message in list(self.left)[:2]:
            if now - self.left.get(message, now) > AGAIN_S:
                self.left[message] = now
                topic = f"ami/readout/GW{self.number:03}"
                self.client.publish(topic, document(self.number, message), qos=1)


def main() -> None:
    port, gateways, documents = map(int, sys.argv[1:4])
    threading.stack_size(256 * 1024)
    all_ = [Gateway(port, number, documents) for number in range(1, gateways + 1)]
    while any(gateway.left for gateway in all_):
        for gateway in all_:
            gateway.tick(time.monotonic())
        time.sleep(0.05)


if __name__ == "__main__":
    main()
