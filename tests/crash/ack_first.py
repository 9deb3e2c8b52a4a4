"""Negative control of the crash test: riskgate with a core that acknowledges before it journals."""

from __future__ import annotations

from gateway import cli, core
from gateway.core import Core

_commit = Core._commit


def _acknowledge_first(self: Core, group: core.Group) -> None:
    for epoch, mids in group.acks:
        self._acknowledge(epoch, mids)
    group.acks.clear()
    # let the acknowledgements leave before the process dies, as they would under load
    self._clock.sleep(0.3)
    _commit(self, group)


Core._commit = _acknowledge_first  # type: ignore[method-assign]

if __name__ == "__main__":
    cli.main()
