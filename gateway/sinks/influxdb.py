"""InfluxDB: readings, events and the gateway's health as line protocol. Idempotent: the same batch again
writes the same points.

``api = "v2"`` writes through influxdb-client's synchronous API (InfluxDB 2, 3 and Cloud, VictoriaMetrics),
``"v1"`` posts the same lines to ``/write``. The client's batching API and its ``Point`` are not used: the
first drops points silently on 400, 401 and 503, the second drops NaN lines and mangles tags.

A 400 or 422 is bisected down to the lines that the server will never take; those are reported as refused
and the rest is delivered. 401, 403, 404 and redirects are the operator's to repair: the batch waits.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from gateway.sinks import (
    Batch,
    Delivered,
    EventsBatch,
    HealthBatch,
    Later,
    ReadingsBatch,
    Refused,
    SinkContext,
)
from gateway.sinks._http import Deadline, DeadlinePassed
from gateway.sinks._influx_posts import Answer, NoAnswerError, post_v1, post_v2
from gateway.sinks._lines import Encoder
from gateway.sinks._secrets import one_secret

PROBE_S = 5.0
REASONS = {
    401: "the token or password is wrong or missing: correct token_file or password_file",
    403: "the token may not write this bucket: give it write permission",
    404: "the bucket, database or path does not exist: create it or correct the configuration",
}


class Settings(BaseModel):
    """The table ``[sinks.<name>]`` with ``kind = "influxdb"``."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    kind: Literal["influxdb"] = "influxdb"
    folder: str = "."
    """Folder that relative paths are relative to; set by the configuration."""
    url: str = Field(pattern=r"^https?://[^@\s?#]+$")
    """Base address, without user, password or query."""
    api: Literal["v1", "v2"] = "v2"
    org: str = ""
    bucket: str = ""
    token: SecretStr | None = None
    token_file: str = ""
    database: str = ""
    retention_policy: str = ""
    username: str = ""
    password: SecretStr | None = None
    password_file: str = ""
    ca_file: str = ""
    timeout_s: float = Field(default=10.0, gt=0, le=300)
    """Total deadline of one request; a batch ends within twice that."""
    batch_lines: int = Field(default=5000, ge=1, le=100_000)
    linger_s: float = Field(default=0.5, ge=0, le=60)
    measurements: dict[Literal["reading", "alarm", "command", "note", "gateway"], str] = {}
    """Other names for the measurements."""

    @model_validator(mode="after")
    def _complete(self) -> Settings:
        if self.api == "v2" and not self.bucket:
            raise ValueError('bucket is missing: api = "v2" writes into a bucket')
        if self.api == "v1" and not self.database:
            raise ValueError('database is missing: api = "v1" writes into a database')
        self.token = one_secret(self.token, self.token_file, self.folder)
        self.password = one_secret(self.password, self.password_file, self.folder)
        return self


def probe(settings: Settings, context: SinkContext) -> Delivered | Later | Refused:
    """Post a comment, which writes nothing: the server checks token and bucket before it reads the lines, so
    a 400 ("no points") is as good as a 204."""
    del context
    send, close = _posts(settings)
    try:
        answer = send(gzip.compress(b"# riskgate\n", mtime=0), min(settings.timeout_s, PROBE_S))
    except (DeadlinePassed, NoAnswerError) as error:
        return Later(str(error))
    finally:
        close()
    if 200 <= answer.status < 300 or answer.status == 400:
        return Delivered(f"{settings.url} takes our lines")
    if answer.status in REASONS:
        return Refused(f"{answer.status} {REASONS[answer.status]} {answer.text}".strip())
    if 300 <= answer.status < 400:
        return Refused(f"{answer.status}: redirects are not followed; set url to the final address")
    return Later(f"{answer.status} {answer.text}".strip())


def _posts(settings: Settings) -> tuple[Callable[[bytes, float], Answer], Callable[[], None]]:
    return post_v1(settings) if settings.api == "v1" else post_v2(settings)


@dataclass
class _Progress:
    """How far one batch got: it comes again as the same object after Later."""

    batch: Batch
    left: list[bytes]
    """Pieces not yet written, the next one last; a piece is lines joined by newlines."""
    refused: list[tuple[str, str]] = field(default_factory=list)
    written: int = 0


class Sink:
    """See the module's docstring."""

    wants = frozenset({"readings", "events", "health"})
    outward = True

    def __init__(self, settings: Settings, context: SinkContext) -> None:
        self.linger_s = settings.linger_s
        self._timeout_s = settings.timeout_s
        self._batch_lines = settings.batch_lines
        self._encoder = Encoder({str(key): name for key, name in settings.measurements.items()})
        self._context = context
        self._post, self._close = _posts(settings)
        self._progress: _Progress | None = None

    def deliver(self, batch: Batch) -> Delivered | Later | Refused:
        """Write a batch; see the module's docstring for the answers."""
        if self._progress is None or self._progress.batch is not batch:
            self._progress = _Progress(batch, self._pieces(batch)[::-1])
        answer = self._carry(self._progress)
        if isinstance(answer, Delivered):
            self._progress = None
        return answer

    def resend(self, part: str) -> Delivered | Later | Refused:
        """Try one refused line again."""
        answer = self._carry(_Progress(HealthBatch(0, {}), [part.encode()]))
        if isinstance(answer, Delivered) and answer.refused:
            return Refused(answer.refused[0][1])
        return answer

    def close(self) -> None:
        """Close the connection."""
        self._close()

    def _pieces(self, batch: Batch) -> list[bytes]:
        size = self._batch_lines
        if isinstance(batch, ReadingsBatch):
            return self._encoder.readings(batch, size)
        if isinstance(batch, EventsBatch):
            lines = [self._encoder.event(event) for _, event in batch.events]
        else:
            lines = self._encoder.health(batch.at_ns, batch.figures)
        return ["\n".join(lines[at : at + size]).encode() for at in range(0, len(lines), size)]

    def _carry(self, progress: _Progress) -> Delivered | Later | Refused:
        """Post what is left, the last piece first taken; pieces that are refused are halved."""
        deadline = Deadline(2 * self._timeout_s)
        while progress.left:
            piece = progress.left[-1]
            try:
                answer = self._post(
                    gzip.compress(piece, compresslevel=1, mtime=0),
                    min(self._timeout_s, deadline.left()),
                )
            except DeadlinePassed:
                return Later("the server answers, but too slowly: the rest of the batch follows", 0.0)
            except NoAnswerError as error:
                return Later(str(error))
            later = self._judge(answer, piece, progress)
            if later is not None:
                return later
        return Delivered(f"{progress.written} lines", progress.refused)

    def _judge(self, answer: Answer, piece: bytes, progress: _Progress) -> Later | None:
        status = answer.status
        if 200 <= status < 300:
            progress.left.pop()
            progress.written += piece.count(b"\n") + 1
            return None
        if status in (400, 413, 422):
            progress.left.pop()
            lines = piece.split(b"\n")
            if len(lines) == 1:
                progress.refused.append((piece.decode(), f"{status} {answer.text}".strip()))
                return None
            middle = len(lines) // 2
            if status == 413:
                self._batch_lines = max(1, min(self._batch_lines, middle))
            progress.left += [b"\n".join(lines[middle:]), b"\n".join(lines[:middle])]
            return None
        if 300 <= status < 400:
            return Later(f"{status}: redirects are not followed; set url to the final address")
        said = REASONS.get(status, "")
        return Later(f"{status} {said} {answer.text}".strip(), answer.retry_after_s)
