"""The naive peer: paho, json, an if; QoS 1, stores nothing.

``python -m tests.bench.naive PORT [USER PASSWORD]`` prints a line when it has subscribed, and one for each
value beyond its limit: how many messages it had by then.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

LIMIT = 50
KEEPALIVE_S = 3600


def main(port: int, user: list[str]) -> None:
    """Until killed."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="naive", clean_session=True)
    if user:
        client.username_pw_set(*user)
    count = 0

    def on_message(_client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        nonlocal count
        count += 1
        if json.loads(message.payload)["value"] > LIMIT:
            print(count, flush=True)

    client.on_connect = lambda _client, *_: client.subscribe("rg/+/+/+/+", 1)
    client.on_subscribe = lambda *_: print("subscribed", flush=True)
    client.on_message = on_message
    client.connect("127.0.0.1", port, KEEPALIVE_S)
    client.loop_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
