"""Which message goes next, for any mix of alarms, priorities, failures and waits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.clock import Random
from gateway.delivery.order import AlarmOrder
from gateway.delivery.store import Message

messages = st.lists(st.tuples(st.integers(0, 4), st.integers(1, 4)), max_size=15)


@given(messages, st.integers(0, 2**32))
def test_order_holds_per_alarm_and_nothing_is_lost(spec: list[tuple[int, int]], seed: int) -> None:
    order, now, chance = AlarmOrder(), 0, Random(seed)
    todo = [Message(seq, f"e{seq}", f"a{alarm}", priority, 0) for seq, (alarm, priority) in enumerate(spec)]
    flying: list[Message] = []
    done: list[Message] = []
    while len(done) < len(spec):
        if todo and chance.random() < 0.5:
            order.add(todo.pop(0))
        taken = order.take(now)
        if taken is not None:
            assert taken.alarm not in {m.alarm for m in flying}
            flying.append(taken)
        elif not flying and not todo:
            due = order.due_ns()
            assert due is not None
            now = max(now, due)
        if flying and chance.random() < 0.5:
            message = flying.pop(chance.randrange(len(flying)))
            if chance.random() < 0.5:
                order.later(message, now + chance.randrange(10))
            else:
                order.done(message)
                done.append(message)
        assert len(order) == len(spec) - len(todo) - len(done)
    assert len(order) == 0
    assert order.take(now) is None
    for alarm in {m.alarm for m in done}:
        seqs = [m.seq for m in done if m.alarm == alarm]
        assert seqs == sorted(seqs)


@given(messages)
def test_most_important_then_oldest(spec: list[tuple[int, int]]) -> None:
    order = AlarmOrder()
    for seq, (_, priority) in enumerate(spec):
        order.add(Message(seq, f"e{seq}", f"alarm{seq}", priority, 0))
    taken = []
    while (message := order.take(0)) is not None:
        taken.append((message.priority, message.seq))
        order.done(message)
    assert taken == sorted(taken)
    assert len(taken) == len(spec)


def test_a_waiting_message_holds_back_only_its_own_alarm() -> None:
    order = AlarmOrder()
    for seq, alarm in enumerate("aab"):
        order.add(Message(seq, f"e{seq}", alarm, 1, 0))
    first = order.take(0)
    assert first is not None
    order.later(first, 100)
    second = order.take(0)
    assert second is not None
    assert second.alarm == "b"
    order.done(second)
    assert order.take(99) is None
    assert order.take(100) is first
    order.done(first)
    third = order.take(100)
    assert third is not None
    assert third.seq == 1
