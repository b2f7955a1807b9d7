"""Hands a frame to a session: small ones are copied into its buffer, large ones are read where they
lie, where the session can. Earlier frames that go with it are copied.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from auxdrive.runtimes import ReadsInPlace, Session
from auxdrive.types import AnyArray

LARGE_BYTES = 1 << 20
"""From this size on a frame is not copied. Binding another array takes about 20 us, which is what
the copy of 300 KiB takes.
"""


class FrameInput:
    """The inputs of a session that take frames.

    Args:
        session: that is loaded.
        name: of the input of the current frame, (1, H, W, 3).
        *earlier: of those of the frames before it, the newest first.
    """

    def __init__(self, session: Session, name: str, *earlier: str) -> None:
        self._name = name
        self._earlier = tuple(session.inputs[each] for each in earlier)
        self._buffer = session.inputs[name]
        self._in_place = self._buffer.nbytes >= LARGE_BYTES and isinstance(session, ReadsInPlace)

    def run(
        self,
        session: Session,
        image: AnyArray,
        deadline_s: float | None = None,
        earlier: Sequence[AnyArray] = (),
    ) -> None:
        """Run the session's graph on a frame. What is called with a deadline is given a copy: a
        runtime may go on reading for a moment after it was ended.

        Args:
            session: the same.
            image: uint8 (H, W, 3) of the input's size, which must not change meanwhile.
            deadline_s: after which the run is ended; None for no deadline.
            earlier: the frames before it, of the same size, one for each of their inputs.

        Raises:
            RuntimeFailure: the runtime failed, or was not done after `deadline_s`.
        """
        if self._earlier:
            for buffer, frame in zip(self._earlier, earlier, strict=True):
                buffer[0] = frame
        if self._in_place and deadline_s is None and image.flags.c_contiguous:
            cast(ReadsInPlace, session).run_on(self._name, image[None])
            return
        self._buffer[0] = image
        session.run(deadline_s)


def write_images(inputs: Mapping[str, AnyArray], names: Sequence[str], image: AnyArray) -> None:
    """Copy the images of a sample into the buffers of a session.

    Args:
        inputs: the session's buffers.
        names: of the inputs that take images.
        image: uint8 (H, W, 3), or (F, H, W, 3) where there are several inputs.
    """
    for name, each in zip(names, image if image.ndim == 4 else (image,), strict=True):
        inputs[name][0] = each
