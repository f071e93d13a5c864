"""Images of one size with everything that is known of them: rendered scenes and photographs alike."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from course_utils._arguments import Float64Array, as_integer_array
from course_utils.annotations.records import Annotations

__all__ = ["Dataset", "Scene"]


@dataclass(frozen=True)
class Scene:
    """One rendered scene or photograph with n objects, and its annotations.

    Attributes
    ----------
    image : (H, W, 3) uint8
        RGB.
    boxes : (n, 4) float64
        What can be seen of each object, as x_min, y_min, x_max, y_max in pixels; n may be 0.
    class_ids : (n,) int64
        1 or more. Of a rendered scene indices into ``CLASS_NAMES``: 1 bottle, 2 can, 3 carton.
    polygons : tuple of n outlines
        Of a rendered scene (k, 2) float64 arrays: the outline of each whole drink as x, y in pixels,
        multiples of 1/1024, hidden parts included, from back to front; it may leave the image. Of a
        photograph as in :class:`~course_utils.annotations.Record`.
    label_map : (H, W) uint8, or None
        The class of what is seen at each pixel, 0 for background, 255 where a photograph is padded.
    instance_ids : (H, W) uint8 or uint16, or None
        1 + the index of the object seen at each pixel, 0 for background.
    file_name : str, optional
        Of a photograph.
    factor : float, optional
        Pixels here for each of the photograph.
    """

    image: npt.NDArray[np.uint8]
    boxes: Float64Array
    class_ids: npt.NDArray[np.int64]
    polygons: tuple[Any, ...]
    label_map: Any  # an array wherever scenes are rendered, which need not ask
    instance_ids: Any
    file_name: str | None = None
    factor: float | None = None


@dataclass(frozen=True, eq=False)
class Dataset:
    """Rendered scenes or photographs, of one size, field by field. All arrays are read-only: copy what you change.

    Attributes
    ----------
    images : (n, H, W, 3) uint8
        RGB.
    label_maps : (n, H, W) uint8, or None
        The class seen at each pixel: 0 for background, 255 where a photograph is padded. None for photographs
        of which some object has a box only.
    instance_ids : (n, H, W) uint8, or None with the label maps
        1 + the index of the object seen at each pixel, 0 for background and padding; uint16 where a photograph
        holds more than 255 objects.
    boxes : tuple of n (k, 4) float64 arrays
        What can be seen of each object, as x_min, y_min, x_max, y_max in pixels; k may be 0.
    class_ids : tuple of n (k,) int64 arrays
    polygons : tuple of n tuples of k outlines
        Of a rendered drink a (c, 2) float64 array: the outline of the whole drink as x, y in pixels, from back
        to front. Of a photograph as in :class:`~course_utils.annotations.Record`: such an array, a list of them
        for an object in several parts, or None.
    file_names : tuple of n str, or None for rendered scenes
        As the annotations give them.
    factors : (n,) float64, or None for rendered scenes
        Pixels here for each of the photograph.

    Examples
    --------
    >>> from course_utils.datasets import render_dataset
    >>> dataset = render_dataset(3, seed=0, height=32, width=48)
    >>> len(dataset), dataset[0].image.shape, dataset[1:].images.shape, dataset[[2, 0]].images.shape
    (3, (32, 48, 3), (2, 32, 48, 3), (2, 32, 48, 3))
    """

    images: npt.NDArray[np.uint8]
    label_maps: Any  # an array wherever scenes are rendered, which need not ask
    instance_ids: Any
    boxes: tuple[Float64Array, ...]
    class_ids: tuple[npt.NDArray[np.int64], ...]
    polygons: tuple[tuple[Any, ...], ...]
    file_names: tuple[str, ...] | None = None
    factors: Float64Array | None = None

    @property
    def annotations(self) -> list[Annotations]:
        """Boxes and classes as the metrics take them."""
        return [Annotations(boxes, ids) for boxes, ids in zip(self.boxes, self.class_ids, strict=True)]

    def __len__(self) -> int:
        return len(self.images)

    @overload
    def __getitem__(self, index: int) -> Scene: ...
    @overload
    def __getitem__(self, index: slice | npt.NDArray[np.integer[Any]] | list[int]) -> "Dataset": ...
    def __getitem__(self, index: int | slice | npt.NDArray[np.integer[Any]] | list[int]) -> "Scene | Dataset":
        if isinstance(index, slice):
            return self._part(index, range(len(self))[index])
        if isinstance(index, (list, np.ndarray)) and np.ndim(index) == 1:
            # An empty list has no integer type to go by.
            chosen = as_integer_array(
                "index", index if len(index) else np.zeros(0, int), low=-len(self), high=len(self)
            )
            return self._part(chosen, chosen.tolist())
        if isinstance(index, bool) or not isinstance(index, (int, np.integer)):
            raise TypeError(f"index: expected an integer, a slice or a list of integers, got {index!r}")
        if not -len(self) <= index < len(self):
            raise IndexError(f"index: {index} is out of range for {len(self)} {self._what}")
        return Scene(
            image=self.images[index],
            boxes=self.boxes[index],
            class_ids=self.class_ids[index],
            polygons=self.polygons[index],
            label_map=None if self.label_maps is None else self.label_maps[index],
            instance_ids=None if self.instance_ids is None else self.instance_ids[index],
            file_name=None if self.file_names is None else self.file_names[index],
            factor=None if self.factors is None else float(self.factors[index]),
        )

    def _part(self, index: Any, numbers: Any) -> "Dataset":
        """Some of the images, by what arrays and what tuples are indexed with."""

        def of_array(array: Any) -> Any:
            if array is None:
                return None
            part = array[index]
            part.flags.writeable = array.flags.writeable
            return part

        def of_tuple(values: tuple[Any, ...]) -> tuple[Any, ...]:
            return tuple(values[number] for number in numbers)

        return Dataset(
            images=of_array(self.images),
            label_maps=of_array(self.label_maps),
            instance_ids=of_array(self.instance_ids),
            boxes=of_tuple(self.boxes),
            class_ids=of_tuple(self.class_ids),
            polygons=of_tuple(self.polygons),
            file_names=None if self.file_names is None else of_tuple(self.file_names),
            factors=of_array(self.factors),
        )

    def __iter__(self) -> Iterator[Scene]:
        return (self[index] for index in range(len(self)))

    @property
    def _what(self) -> str:
        return "scenes" if self.file_names is None else "photographs"

    def __repr__(self) -> str:
        objects = sum(map(len, self.boxes))
        return f"Dataset of {len(self)} {self._what} of {self.images.shape[1:3]} pixels with {objects} objects"
