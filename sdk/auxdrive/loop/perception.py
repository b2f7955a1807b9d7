"""The two threads that see: one reads the camera, the other predicts from its newest image. The
loop asks for the newest prediction and waits for neither.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from auxdrive.bundles import ego_of
from auxdrive.cameras.base import Camera, Frame
from auxdrive.checks.numbers import reading, shown
from auxdrive.errors import InputError
from auxdrive.loop.state import VehicleState
from auxdrive.predictor import Predictor
from auxdrive.standing import StandingTime
from auxdrive.types import Observation, Prediction

_LOOK_S = 0.1
"""How often a thread that waits for an image looks whether to stop."""


class NewestFrame:
    """Holds the newest image until it is taken: one that nobody took is replaced.

    Attributes:
        given: how many images it was given.
        skipped: how many of them were replaced.
        error: that ended the camera.
    """

    def __init__(self) -> None:
        self.given = self.skipped = 0
        self.error: BaseException | None = None
        self._is_over = False
        self._frame: tuple[int, Frame] | None = None
        self._changed = threading.Condition()

    def put(self, frame: Frame) -> None:
        """Give a newer image."""
        with self._changed:
            self.given += 1
            self.skipped += self._frame is not None
            self._frame = self.given, frame
            self._changed.notify()

    def end(self, error: BaseException | None = None) -> None:
        """Say that no more come.

        Args:
            error: that ended the camera; None where it ended as it should.
        """
        with self._changed:
            self._is_over, self.error = True, error
            self._changed.notify()

    def take(self) -> tuple[tuple[int, Frame] | None, bool]:
        """Wait for an image, a moment at most.

        Returns:
            The newest one with its number, None where there is none; and whether no more come
            after it.
        """
        with self._changed:
            if self._frame is None and not self._is_over:
                self._changed.wait(_LOOK_S)
            frame, self._frame = self._frame, None
            return frame, self._is_over


@dataclass(frozen=True, slots=True)
class Seen:
    """An image and what was predicted from it.

    Attributes:
        frame: the image's number, from 1 on; some are missing.
        observation: what the predictor was given.
        prediction: what it predicted; None where it refused the observation.
        refusal: why it did, as a sentence.
    """

    frame: int
    observation: Observation
    prediction: Prediction | None
    refusal: str = ""


class Perception:
    """Reads and predicts in two threads.

    An observation that the predictor
    refuses is passed on without a prediction; if it is the first one, camera or state are not those
    of this model, and that is an error.

    Attributes:
        seen: the newest image with its prediction; None before the first.
        is_over: whether there will be no newer one.
        error: that ended it early.
        predictions: how many were made.
        refused: how many images were refused.

    Args:
        predictor: that predicts.
        camera: that is read.
        saw: is called with each `Seen`, in the thread that predicts.
    """

    def __init__(self, predictor: Predictor, camera: Camera, saw: Callable[[Seen], object]) -> None:
        self.seen: Seen | None = None
        self.is_over = False
        self.error: BaseException | None = None
        self.predictions = self.refused = 0
        self.newest = NewestFrame()
        self._predictor, self._camera, self._saw = predictor, camera, saw
        self._inputs = ego_of(predictor.card).names
        self._state: VehicleState | None = None
        self._standing = StandingTime()
        self._stopping = False
        # daemons: a camera that gives nothing any more must not keep the process from ending
        self._threads = [
            threading.Thread(target=work, name=f"auxdrive {name}", daemon=True)
            for name, work in (("camera", self._watch), ("predictor", self._predict))
        ]

    def update(self, state: VehicleState) -> None:
        """Tell what the vehicle knows of itself now. Images that are predicted from later are taken
        to be of this moment. The first call begins it all.
        """
        speed_mps = reading("speed_mps", state.speed_mps, "the forward speed in m/s")
        standing_s = self._standing.update(speed_mps, time.monotonic())
        if state.standing_s is None:
            state = replace(state, standing_s=standing_s)
        if state.moving_s is None:
            state = replace(state, moving_s=self._standing.moving_s)
        begins, self._state = self._state is None, state
        if begins:
            for thread in self._threads:
                thread.start()

    def stop(self, timeout_s: float) -> tuple[str, ...]:
        """End.

        Args:
            timeout_s: how long a read and a prediction that are under way may take.

        Returns:
            The names of the threads that have not ended in that time.
        """
        self._stopping = True
        ends_s = time.monotonic() + timeout_s
        begun = [thread for thread in self._threads if thread.ident is not None]
        for thread in begun:
            thread.join(max(ends_s - time.monotonic(), 0.0))
        return tuple(thread.name for thread in begun if thread.is_alive())

    def _watch(self) -> None:
        try:
            while not self._stopping and (given := self._camera.read()) is not None:
                self.newest.put(_checked(given))
            self.newest.end()
        except BaseException as error:  # noqa: BLE001  # the loop raises it again
            self.newest.end(error)

    def _predict(self) -> None:
        try:
            is_last = False
            while not (self._stopping or is_last):
                taken, is_last = self.newest.take()
                if taken is not None:
                    self._see(*taken)
            self.error = self.newest.error
        except BaseException as error:  # noqa: BLE001  # likewise
            self.error = error
        self.is_over = True

    def _see(self, number: int, frame: Frame) -> None:
        given = {name: getattr(self._state, name) for name in self._inputs}
        observation = Observation(frame.image, frame.time_s, **given)
        prediction, refusal = None, ""
        try:
            prediction = self._predictor.predict(observation)
            self.predictions += 1
        except InputError as error:
            if self.seen is None:
                raise
            self.refused += 1
            refusal = str(error)
        self.seen = Seen(number, observation, prediction, refusal)
        self._saw(self.seen)


def _checked(given: object) -> Frame:
    """What a camera gave, as a frame.

    Raises:
        InputError: it is no pair of an image and a time.
    """
    if not isinstance(given, tuple) or len(given) != 2:
        raise InputError(
            f"the camera's read() gave {shown(given)}; it gives a tuple of an image and its time "
            "in seconds, and None at the end"
        )
    image, time_s = given
    return Frame(image, reading("the frame's time", time_s, "seconds of time.monotonic()"))
