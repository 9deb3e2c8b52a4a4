"""What the network thread read becomes items of the intake: nothing is lost, and everything is counted.

An exception here is counted as poison and what it concerned stays unacknowledged, so the broker still has it;
the watchdog reconnects to get it again (gateway/ingest/mqtt.py).
"""

from __future__ import annotations

from paho.mqtt import client as mqtt

from gateway.clock import Clock
from gateway.ingest import Item, Packet, Run
from gateway.ingest.admission import NOT_UTF8, Admission, refused
from gateway.ingest.bulk import Lifted
from gateway.ingest.intake import Intake
from gateway.monitor.entries import FLAG_DUP, FLAG_RETAINED


class Arrivals:
    """Both ways in: ``lifted``, a run of packets at once, and ``message``, one packet from paho.

    exactly_once: ids that came at QoS 2 and want another acknowledgement. All calls on the network thread;
    the counts may be read by any.
    """

    def __init__(self, intake: Intake, admission: Admission, clock: Clock) -> None:
        self._intake = intake
        self._admission = admission
        self._clock = clock
        self.taking = True
        self.exactly_once: set[int] = set()
        self.last_ns = clock.mono_ns()
        self.received = self.refused = self.untaken = self.poison = 0
        self.poison_error = ""

    def note_poison(self, error: BaseException) -> None:
        """Count an exception that must not go further."""
        self.poison += 1
        self.poison_error = f"{type(error).__name__}: {error}"

    def lifted(self, lifted: Lifted, epoch: int) -> None:
        """Take consecutive packets."""
        if not self.taking:
            return
        self.last_ns = now_ns = self._clock.mono_ns()
        left = len(lifted.mids)
        self.received += left
        try:
            run = Run(lifted.blob, lifted.cuts, lifted.mids, lifted.flags, now_ns, epoch)
            for piece in self._admission.sift(run, lifted.odd, self.note_poison):
                self._intake.put(piece)
                admitted = isinstance(piece, Run)
                left -= len(piece) if admitted else 1
                self.refused += not admitted
        except BaseException:
            self.untaken += left
            raise

    def message(self, message: mqtt.MQTTMessage, epoch: int) -> None:
        """Take one packet."""
        if not self.taking:
            return
        self.last_ns = now_ns = self._clock.mono_ns()
        self.received += 1
        try:
            item = self._item(message, now_ns, epoch)
            self._intake.put(item)
            self.refused += not isinstance(item, Packet)
        except BaseException:
            self.untaken += 1
            raise

    def _item(self, message: mqtt.MQTTMessage, now_ns: int, epoch: int) -> Item:
        if message.qos == 2:  # left over from a session that had subscribed so
            self.exactly_once.add(message.mid)
        try:
            topic = message.topic.encode()
        except UnicodeDecodeError:
            topic = NOT_UTF8  # which is a bad topic
        flags = (FLAG_DUP if message.dup else 0) | (FLAG_RETAINED if message.retain else 0)
        packet = Packet(topic, bytes(message.payload), now_ns, message.mid, epoch, flags)
        if message.qos != 1:
            return refused("qos", packet)
        try:
            reason = self._admission.refuse(topic, packet.payload)
        except Exception as error:  # noqa: BLE001 - what arrived is journalled; the decoder judges it again
            self.note_poison(error)
            reason = ""
        return refused(reason, packet) if reason else packet
