"""The card of a data set, `dataset.json`."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from auxdrive.cards.parts import CameraSpec, Card, ClassNames, Rate, VehicleSpec
from auxdrive.errors import DataError
from auxdrive.modalities import MODALITIES, Modality, known_classes
from auxdrive.steering import SteeringSpec
from auxdrive.strict import without_empty

VectorLength = Annotated[int, Field(gt=0, le=1_000_000)]


class EpisodeOrigin(Card):
    """Which drive (session) an episode was cut from, and when in that drive it began.

    An episode is a recording without interruption: a sample may use several of its frames. A
    session is one whole drive. Frames of one session may be nearly equal even if they stand in
    different episodes; frames of different sessions are independent of each other. So data for
    training and for measuring must be kept apart by sessions.

    Attributes:
        session: the drive's name.
        start_s: the time on the session's clock at which the episode's `time_s` is zero.
        condition: in which it was recorded, such as "night"; empty where none is named.
    """

    session: str = Field(min_length=1, max_length=1000)
    start_s: float = 0.0
    condition: str = ""

    @model_serializer(mode="wrap")
    def _without_what_came_later(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """As `DatasetCard` does."""
        return without_empty(handler(self), "condition")


class DatasetCard(Card):
    """`dataset.json`: what a data set holds and how it was recorded.

    Attributes:
        format: the version of the file format.
        name: of the data set.
        rate_hz: frames per second.
        modalities: what was recorded.
        camera: the camera of the RGB images; None where nothing is of a camera.
        steering: the steering that its episodes were recorded with.
        vehicle: the vehicle that drove.
        source: where the recordings come from, for people.
        licence: under which they may be used.
        splits: episode ids by the name of a split; an episode stands in at most one split.
        episodes: the session of each episode. An episode that is not named here is a session of its
            own, as every episode from a simulator is.
        classes: names of the segmentation's classes by id; empty where none are named, for
            `FIRST_CLASSES`. Data sets of different classes are not used as one.
        class_names: what the classes are that the field `class_id` of the state numbers, for the
            task classification; empty where there are none.
        vectors: how many numbers a frame of each vector has (`Modality.is_vector`).
        apart_s: of each split, the shortest time in seconds between one of its frames and a frame
            of another split in the same session; null where it shares no session with another
            split. It is written when splits are made; `auxdrive inspect` measures it again.

    Examples:
        >>> from auxdrive import CameraSpec, DatasetCard, Modality
        >>> card = DatasetCard(
        ...     name="yard", rate_hz=10.0, modalities=(Modality.RGB,),
        ...     camera=CameraSpec(width=320, height=240), splits={"train": ("drive-0001",)},
        ... )
        >>> card.splits["train"]
        ('drive-0001',)
    """

    format: Literal["auxdrive-dataset-1"] = "auxdrive-dataset-1"
    name: str
    rate_hz: Rate
    modalities: tuple[Modality, ...] = Field(min_length=1)
    camera: CameraSpec | None = None
    steering: SteeringSpec = SteeringSpec()
    vehicle: VehicleSpec = VehicleSpec()
    source: str = ""
    licence: str = ""
    splits: dict[str, tuple[str, ...]] = Field(default={})
    episodes: dict[str, EpisodeOrigin] = Field(default={})
    apart_s: dict[str, float | None] = Field(default={})
    classes: tuple[str, ...] = ()
    class_names: ClassNames = ()
    vectors: dict[Modality, VectorLength] = Field(default={})

    @field_validator("classes")
    @classmethod
    def _are_known(cls, classes: tuple[str, ...]) -> tuple[str, ...]:
        known_classes(classes)
        return classes

    @model_serializer(mode="wrap")
    def _without_what_came_later(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Cards that do not name their classes are written as before there were such names, since
        a data set's fingerprint covers its card.
        """
        return without_empty(handler(self), "classes", "class_names", "vectors", "camera")

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        seen = [each.value for each in self.modalities if MODALITIES[each].camera_aligned]
        if seen and self.camera is None:
            raise ValueError(f"camera: is needed, since {', '.join(seen)} is of a camera")
        vectors = {each for each in self.modalities if each.is_vector}
        if vectors != set(self.vectors):
            wrong = ", ".join(sorted(vectors ^ set(self.vectors)))
            raise ValueError(
                f"vectors: must say how long each vector among the modalities is, and only that "
                f"({wrong})"
            )
        return self

    @property
    def needed_camera(self) -> CameraSpec:
        """The camera, for what needs one.

        Raises:
            DataError: the data set has none.
        """
        if self.camera is None:
            raise DataError(
                f"{self.name}: has no camera, and so no images; it has {', '.join(self.modalities)}"
            )
        return self.camera
