"""Hands a frame to a session: small ones are copied into its buffer, large ones are read where they
lie, where the session can.
"""

from __future__ import annotations

from typing import cast

from auxdrive.runtimes import ReadsInPlace, Session
from auxdrive.types import AnyArray

LARGE_BYTES = 1 << 20
"""From this size on a frame is not copied. Binding another array takes about 20 us, which is what
the copy of 300 KiB takes.
"""


class FrameInput:
    """The input of a session that takes frames.

    Args:
        session: that is loaded.
        name: of the input, (1, H, W, 3).
    """

    def __init__(self, session: Session, name: str) -> None:
        self._name = name
        self._buffer = session.inputs[name]
        self._in_place = self._buffer.nbytes >= LARGE_BYTES and isinstance(session, ReadsInPlace)

    def run(self, session: Session, image: AnyArray, deadline_s: float | None = None) -> None:
        """Run the session's graph on a frame. What is called with a deadline is given a copy: a
        runtime may go on reading for a moment after it was ended.

        Args:
            session: the same.
            image: uint8 (H, W, 3) of the input's size, which must not change meanwhile.
            deadline_s: after which the run is ended; None for no deadline.

        Raises:
            RuntimeFailure: the runtime failed, or was not done after `deadline_s`.
        """
        if self._in_place and deadline_s is None and image.flags.c_contiguous:
            cast(ReadsInPlace, session).run_on(self._name, image[None])
            return
        self._buffer[0] = image
        session.run(deadline_s)
