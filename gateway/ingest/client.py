"""paho's client with a gate before each read, so that back-pressure stops the reading and not the link.

Only public methods are overridden (``loop_read``, ``loop_misc``, ``loop_forever``); paho 2.2 calls all three
through ``self``. While the gate is shut, or while a flood leaves the socket never read dry, the broker's
PINGRESP lies behind unread packets: paho would call the link dead. So then we send PINGREQ ourselves and skip
paho's verdict; as soon as the socket is dry, paho decides again.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from typing import Any

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from gateway.clock import Clock

GATE_WAIT_S = 0.05
"""How long a shut gate holds the network thread before it turns again to write acknowledgements and pings."""
TURN_S = 0.2
"""An idle network thread turns this often (paho: 1 s); ``settled`` is this late at most."""
_PINGREQ = b"\xc0\x00"  # MQTT 3.1.1 clause 3.12, MQTT 5 clause 3.12


class _Left(Exception):  # noqa: N818 - a wish, not an error
    """Ends the network thread from inside a reconnect."""


class GatedClient(mqtt.Client):
    """``gate(timeout_s)`` says whether the next packet may be read, waiting up to the timeout for a yes.

    turned_ns, heard_ns: when the loop last turned and last read bytes (monotonic). settled: set while nothing
    is left to read or to write. ended: set when the network thread has ended, with the reason in
    ``ended_by``; it never takes an exception further.
    """

    def __init__(self, gate: Callable[[float], bool], clock: Clock, **settings: Any) -> None:
        super().__init__(CallbackAPIVersion.VERSION2, **settings)
        self._gate = gate
        self._clock = clock
        self._dry = True
        self._pinged_ns = 0
        self._leaving = False
        self.paused_since_ns = 0
        self.turned_ns = self.heard_ns = clock.mono_ns()
        self.settled = threading.Event()
        self.ended = threading.Event()
        self.ended_by = ""

    def loop_forever(self, timeout: float = TURN_S, retry_first_connection: bool = False) -> MQTTErrorCode:
        """The network thread's whole life, with its end recorded: paho's own thread dies silently."""
        try:
            code = super().loop_forever(timeout, retry_first_connection)
            self.ended_by = f"loop ended: {mqtt.error_string(code)}"
            return code
        except _Left:
            self.ended_by = "left"
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        except BaseException as error:  # noqa: BLE001 - nobody is above this frame; the watchdog reads ended_by
            self.ended_by = f"{type(error).__name__}: {error}"
            return MQTTErrorCode.MQTT_ERR_UNKNOWN
        finally:
            self.ended.set()

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        """Read one packet, unless the gate is shut. CONNACK is always read, else no link comes up."""
        self._dry = False
        self.settled.clear()
        if self.is_connected() and not self._gate(GATE_WAIT_S):
            if not self.paused_since_ns:
                self.paused_since_ns = self._clock.mono_ns()
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        self.paused_since_ns = 0
        self.heard_ns = self._clock.mono_ns()
        return super().loop_read(max_packets)

    def loop_misc(self) -> MQTTErrorCode:
        """Keep the link alive: paho's way when the socket was read dry, else ours."""
        self.turned_ns = self._clock.mono_ns()
        dry, self._dry = self._dry, True
        if dry and not self.want_write():
            self.settled.set()
        if dry or not self.is_connected():
            return super().loop_misc()
        return self._ping()

    def reconnect(self) -> MQTTErrorCode:
        """Connect again, unless ``leave`` was called meanwhile."""
        if self._leaving:
            raise _Left
        code = super().reconnect()
        if self._leaving:  # called while the connection was being made, when paho forgets it
            self.disconnect()
        return code

    def leave(self) -> None:
        """Disconnect after what is queued was written, and never connect again. From any thread."""
        self._leaving = True
        self.disconnect()

    def shake(self) -> None:
        """Break the connection from any thread; paho notices at once and reconnects, unless leaving."""
        sock: Any = self.socket()
        if sock is not None:
            sock = getattr(sock, "raw", sock)  # what a BulkSocket stands before
            # Not SSLSocket.shutdown: it forgets the TLS state, and paho would read ciphertext as packets.
            with contextlib.suppress(OSError):  # closed already: that is what is wanted
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def _ping(self) -> MQTTErrorCode:
        sock: Any = self.socket()
        now_ns = self._clock.mono_ns()
        # With something left to write we may be inside a packet, and need no ping: it will be written.
        if sock is None or self.want_write() or now_ns - self._pinged_ns < self.keepalive * 500_000_000:
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        try:
            whole = sock.send(_PINGREQ) == len(_PINGREQ)
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        except OSError:
            whole = False
        self._pinged_ns = now_ns
        return MQTTErrorCode.MQTT_ERR_SUCCESS if whole else MQTTErrorCode.MQTT_ERR_CONN_LOST
