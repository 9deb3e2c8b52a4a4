"""MQTT in: a packet is acknowledged only after the core says it is durable, and only to the connection that
delivered it.

What holds whatever happens: an exception in a callback never ends the network thread and never loses a packet
(trap T7); an acknowledgement of an earlier connection is never sent (trap T6, see ``Receiver.acknowledge``);
an unacknowledged packet is the broker's to send again. The session is persistent and ``stop`` keeps it.
"""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import structlog
from paho.mqtt import client as mqtt

from gateway.clock import Clock
from gateway.ingest import LinkChange, Mids
from gateway.ingest.admission import Admission
from gateway.ingest.arrivals import Arrivals
from gateway.ingest.bulk import BulkSocket, Lifted
from gateway.ingest.client import GatedClient
from gateway.ingest.connection import Settings, build_client, connect_arguments
from gateway.ingest.intake import Intake, Read
from gateway.ingest.subscriptions import Subscriptions

RETRY_NS = 5_000_000_000
"""Between two attempts to repair the same thing: subscribe again, reconnect for a packet not taken."""
LOAN_S = 0.05
"""How long the core thread may read before paho's thread turns again: for pings and what it has to write."""
PAUSE_TOLD_NS = 5_000_000_000
"""A full intake shorter than this is a burst, not a fault."""


class Receiver:
    """The one MQTT connection of a partition.

    ``start`` once; ``acknowledge`` and ``healthy`` from the core thread; ``stop_reading`` then, after the
    last commit, ``stop``. ``had_session``: an earlier run of this gateway had a session at this broker.
    ``last_epoch``: the highest connection epoch the journal holds, so that epochs never repeat.
    Raises ConfigError from ``start`` when a password, CA or certificate file cannot be used.
    """

    def __init__(
        self,
        settings: Settings,
        intake: Intake,
        admission: Admission,
        clock: Clock,
        had_session: bool,
        last_epoch: int = 0,
    ) -> None:
        self._settings = settings
        self._intake = intake
        self._arrivals = Arrivals(intake, admission, clock)
        self._clock = clock
        self._log = structlog.get_logger("ingest")
        self._expected_session = had_session
        self._lock = threading.Lock()
        self._client: GatedClient | None = None
        self._bulk: BulkSocket | None = None
        self._epoch = last_epoch
        self._link = last_epoch
        self._up = False
        self._since_ns = clock.mono_ns()
        self._repaired_ns = 0
        self._connects = self._acked = self._stale = self._rebuilt = self._plain_links = 0
        self._connect_error = ""
        self._subscriptions = Subscriptions(settings)

    # --- core thread ---------------------------------------------------------------------------------

    def start(self) -> None:
        """Connect in the background and keep connected. ConfigError if a file it needs cannot be used."""
        client = self._build()
        with self._lock:
            self._client = client
        client.loop_start()

    def also(self, filters: Iterable[str]) -> None:
        """Beside the topics of the house, these are wanted from now on, and no others."""
        self._subscriptions.also(filters, self._client)

    def stop_reading(self) -> None:
        """Take no further packet; acknowledgements are still sent. What arrives from now on is read and left
        unacknowledged, for the broker to send again to the next start. (Left unread, it would make the kernel
        reset the connection at the end, and the broker would throw away the last acknowledgements.)"""
        self._arrivals.taking = False

    def stop(self, timeout_s: float = 5.0) -> bool:
        """Disconnect cleanly, acknowledgements first; the broker keeps the session. False if it took longer
        than the timeout and the link was broken instead; what was unacknowledged then returns."""
        self._arrivals.taking = False
        client = self._client
        if client is None:
            return True
        client.settled.wait(timeout_s / 5)
        client.leave()
        if clean := client.ended.wait(timeout_s):
            client.loop_stop()
        else:
            client.shake()
        with self._lock:
            self._client = None
        return clean

    def acknowledge(self, epoch: int, mids: Mids) -> None:
        """PUBACK these packets of connection ``epoch``; without effect when that connection is gone.

        Why no acknowledgement can reach another connection (trap T6: the broker would take it for a new
        packet that happens to have the same id, and lose that one). The epoch changes, under this lock, in
        on_socket_close and on_socket_open. Before the change: paho queues the PUBACK, and either writes it to
        the old socket or drops it, because ``reconnect()`` closes the old socket (on_socket_close), then
        clears its output queue, and only then creates the new socket (on_socket_open). After the change: the
        comparison below fails and nothing is queued. Read in paho-mqtt 2.2; tests/ingest/test_stale_ack.py
        keeps it true. With a bulk socket it is plainer: the bytes go to the socket of that epoch itself.
        """
        ids = np.asarray(mids, np.uint16)
        if not ids.all():
            ids = ids[ids != 0]  # 0: came at QoS 0
        with self._lock:
            client, twice = self._client, self._arrivals.exactly_once
            if client is None or epoch != self._epoch:
                self._stale += len(ids)
                return
            if twice:
                again = [mid for mid in ids.tolist() if mid in twice]
                for mid in again:
                    client.ack(mid, 2)
                    twice.discard(mid)
                self._acked += len(again)
                ids = ids[~np.isin(ids, again)]
            if self._bulk is not None and not self._bulk.acknowledge(ids):
                self._stale += len(ids)
                return
            if self._bulk is None:
                for mid in ids.tolist():
                    client.ack(mid, 1)
            self._acked += len(ids)

    def healthy(self, now_ns: int) -> str:
        """The watchdog, to be called about once a second: repairs what it can; "" or what is wrong.

        Trusts neither is_connected() nor the thread alone: paho's thread may be dead while is_connected() is
        True (trap T7), and a half-open link looks connected.
        """
        client, settings = self._client, self._settings
        if client is None:
            return "not started" if self._arrivals.taking else "stopped"
        if client.ended.is_set() and self._arrivals.taking:
            self._replace()
            return f"the network thread ended ({client.ended_by}) and was started anew"
        silence_s = (now_ns - client.heard_ns) / 1e9
        if now_ns - client.turned_ns > settings.watchdog_s * 1_000_000_000:
            return f"the network thread has not turned for {(now_ns - client.turned_ns) / 1e9:.0f} s"
        if not self._up:
            where = f"{settings.host}:{settings.port}"
            return (
                f"not connected to {where} for {(now_ns - self._since_ns) / 1e9:.0f} s: {self._connect_error}"
            )
        if client.paused_since_ns and self._arrivals.taking:
            paused_ns = now_ns - client.paused_since_ns
            if paused_ns > PAUSE_TOLD_NS:
                return f"not reading for {paused_ns / 1e9:.0f} s: the intake is full, the core is behind"
        elif silence_s > max(settings.watchdog_s, 2 * settings.keepalive_s):
            client.shake()
            return f"no byte from the broker, not even a ping, for {silence_s:.0f} s: reconnecting"
        return self._repair(client, now_ns)

    def status(self) -> dict[str, Any]:
        """Counts and facts for /metrics, /health and people."""
        arrivals = self._arrivals
        return {
            "receiver": "bulk" if self._bulk is not None else "paho",
            "plain_links": self._plain_links,
            "connected": self._up,
            "subscribed": self._up and self._subscriptions.granted,
            "epoch": self._epoch,
            "received": arrivals.received,
            "refused": arrivals.refused,
            "acked": self._acked,
            "stale_acks": self._stale,
            "poison": arrivals.poison,
            "poison_error": arrivals.poison_error,
            "untaken": arrivals.untaken,
            "reconnects": max(0, self._connects - 1),
            "rebuilt": self._rebuilt,
            "last_packet_age_s": (self._clock.mono_ns() - arrivals.last_ns) / 1e9,
            "paused": bool(self._client and self._client.paused_since_ns),
            "connect_error": self._connect_error,
            "subscribe_error": self._subscriptions.error,
        }

    def _repair(self, client: GatedClient, now_ns: int) -> str:
        due = now_ns - self._repaired_ns >= RETRY_NS
        if self._subscriptions.error:
            if due:
                self._repaired_ns = now_ns
                self._subscriptions.ask(client)
            return self._subscriptions.error
        if self._arrivals.untaken:
            if due:  # only a reconnect makes the broker send them again
                self._repaired_ns = now_ns
                self._arrivals.untaken = 0
                client.shake()
            why = self._arrivals.poison_error
            return f"packets could not be taken ({why}): reconnecting so that they come again"
        return ""

    def _replace(self) -> None:
        """A new client for the dead one, whose callbacks are without effect from here on."""
        client = self._build()
        with self._lock:
            old, self._client = self._client, client
            self._change_epoch()
        if old is not None:
            old.leave()
            old.shake()
        self._rebuilt += 1
        self._lost("the network thread ended")
        client.loop_start()

    def _build(self) -> GatedClient:
        lift = self._guarded(self._on_run)
        client = build_client(self._settings, self._gate, self._clock, lift, self._room, self._lend)
        client.on_socket_open = self._guarded(self._on_socket_open)
        client.on_socket_close = self._guarded(self._on_socket_close)
        client.on_connect = self._guarded(self._on_connect)
        client.on_connect_fail = self._guarded(self._on_connect_fail)
        client.on_disconnect = self._guarded(self._on_disconnect)
        client.on_subscribe = self._guarded(self._on_subscribe)
        client.on_message = self._guarded(self._on_message)
        # Without this, ack() on the core thread writes to the socket itself when paho's thread has died.
        client.on_socket_register_write = self._guarded(lambda *_: None)
        client.connect_async(**connect_arguments(self._settings))
        return client

    # --- network thread ------------------------------------------------------------------------------

    def _guarded(self, callback: Callable[..., None]) -> Callable[..., None]:
        def guarded(client: mqtt.Client, _userdata: Any, *facts: Any) -> None:
            if client is not self._client:
                return  # a client that was replaced
            try:
                callback(client, *facts)
            except BaseException as error:  # noqa: BLE001 - anything raised here would end paho's thread (T7)
                self._arrivals.note_poison(error)

        return guarded

    def _gate(self, timeout_s: float) -> bool:
        return not self._arrivals.taking or self._intake.wait_for_room(timeout_s)

    def _room(self) -> int:
        return self._intake.room if self._arrivals.taking else sys.maxsize

    def _lend(self, read: Read, fresh: int) -> bool:
        return self._intake.lend(read, fresh, LOAN_S)

    def _change_epoch(self, bulk: BulkSocket | None = None) -> None:
        self._epoch += 1
        self._bulk = bulk
        self._arrivals.exactly_once.clear()

    def _on_socket_open(self, _client: GatedClient, sock: Any) -> None:
        bulk = sock if isinstance(sock, BulkSocket) else None
        # else an acknowledgement waits for the broker's delayed TCP ACK of the one before: 40 ms a window
        getattr(sock, "raw", sock).setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._change_epoch(bulk)
        self._lost("the link was replaced")
        if bulk is None and self._settings.receiver == "bulk":
            self._plain_links += 1
            if self._plain_links == 1:
                why = "this paho-mqtt is not one the bulk receiver was tested with (2.2 or a later 2.x)"
                self._log.warning("packets are received one by one, several times slower", why=why)

    def _on_socket_close(self, *_: Any) -> None:
        with self._lock:
            self._change_epoch()

    def _on_connect(
        self, client: GatedClient, flags: mqtt.ConnectFlags, reason: Any, _properties: Any
    ) -> None:
        if reason.is_failure:
            self._connect_error = (
                f"the broker refused the connection: {reason}. Check username and password_file in [ingest]"
            )
            return
        self._subscriptions.ask(client)
        now_ns = self._clock.mono_ns()
        told = f"{reason}, after: {self._connect_error}" if self._connect_error else str(reason)
        self._link, self._up, self._since_ns, self._connect_error = self._epoch, True, now_ns, ""
        self._connects += 1
        expected, self._expected_session = self._expected_session, True
        self._intake.put(LinkChange(self._link, True, flags.session_present, expected, told, now_ns))

    def _on_connect_fail(self, client: GatedClient) -> None:
        # paho calls this from its except clause and does not pass the error on.
        client.turned_ns = self._clock.mono_ns()
        error = sys.exception() if sys.version_info >= (3, 12) else sys.exc_info()[1]
        self._connect_error = f"{type(error).__name__}: {error}"

    def _on_disconnect(self, _client: GatedClient, _flags: Any, reason: Any, _properties: Any) -> None:
        if not self._connect_error:
            self._connect_error = str(reason)
        self._lost(str(reason))

    def _lost(self, reason: str) -> None:
        if self._up:
            self._up, self._since_ns = False, self._clock.mono_ns()
            self._intake.put(LinkChange(self._link, False, False, False, reason, self._since_ns))

    def _on_subscribe(self, _client: GatedClient, mid: int, reasons: list[Any], _properties: Any) -> None:
        self._subscriptions.answered(mid, reasons)

    def _on_message(self, _client: GatedClient, message: mqtt.MQTTMessage) -> None:
        self._arrivals.message(message, self._epoch)

    def _on_run(self, _client: GatedClient, lifted: Lifted) -> None:
        self._arrivals.lifted(lifted, self._epoch)
