"""Clients that send slowly on purpose (slowloris): heads have a time, bodies a pace.

uvicorn itself waits for ever for the rest of a head, and for the first byte of a connection.
"""

import asyncio
import resource
from typing import Any, Literal

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S = 15.0
"""From a request's first byte, or the connection's beginning, to the end of the head."""
PACE = 1_000
"""Bytes a second that a body brings at least, over each HEAD_S: less is no upload."""
LATE = b"The rest of the request did not arrive."

MOST = 15_000


def _room() -> int:
    """Connections at once: three quarters of the files that this process may open."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return MOST if files == resource.RLIM_INFINITY else min(MOST, files * 3 // 4)


Phase = Literal["", "head", "body"]
"""What is waited for; nothing while an answer is made or sent, or a kept connection is idle."""


class Patient(H11Protocol):
    head_s = HEAD_S
    most = _room()
    """Beyond it whoever has kept a connection longest without a request makes room."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.phase: Phase = ""
        self.timer: asyncio.TimerHandle | None = None
        self.got = 0
        self.since = self.loop.time()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._turn("head")
        if len(self.connections) > self.most:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        self._turn("")
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self.got += len(data)
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self.since = self.loop.time()
        if self.conn.their_state is not h11.IDLE:  # idle has uvicorn's own timer
            self._look()

    def _look(self) -> None:
        state = self.conn.their_state
        phase: Phase = "head" if state is h11.IDLE else "body" if state is h11.SEND_BODY else ""
        if phase != self.phase:
            self._turn(phase)

    def _turn(self, phase: Phase) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        self.phase = phase
        if phase and not self.transport.is_closing():
            self.since, self.got = self.loop.time(), 0 if phase == "body" else self.got
            self.timer = self.loop.call_later(self.head_s, self._over)

    def _over(self) -> None:
        if self.transport.is_closing():
            return
        if self.phase == "head":
            self._say_late()
        elif self._is_ours_to_wait() or self.got >= PACE * self.head_s:
            self._turn("body")
        else:
            self.transport.abort()

    def _is_ours_to_wait(self) -> bool:
        """Nobody reads the body just now: whoever sends it is not slow."""
        unread = self.cycle is not None and self.cycle.waiting_for_100_continue
        return self.flow.read_paused or unread

    def _say_late(self) -> None:
        """A connection that sent nothing is closed without a word: browsers open some ahead."""
        if self.got and self.conn.our_state is h11.IDLE:
            headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
            late = h11.Response(status_code=408, headers=headers, reason=b"Request Timeout")
            for event in (late, h11.Data(data=LATE), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _make_room(self) -> None:
        known = [one for one in self.connections if isinstance(one, Patient)]
        alive = [one for one in known if not one.transport.is_closing()]
        waiting = [one for one in alive if one is not self and one._waits()]
        if len(alive) > self.most and waiting:
            min(waiting, key=lambda one: one.since).transport.abort()

    def _waits(self) -> bool:
        return self.conn.their_state is h11.IDLE and self.conn.our_state is h11.IDLE
