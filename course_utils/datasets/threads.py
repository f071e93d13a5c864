"""Scenes of threads and dots on a shaded background: a small segmentation task with severe imbalance.

About 96 % of the pixels are background. Made for comparing losses, small enough for dozens of runs.
"""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

__all__ = ["CLASS_NAMES", "draw_threads"]

CLASS_NAMES = ("background", "thread", "dot")


def draw_threads(
    n: int, rng: np.random.Generator, size: int = 40
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
    """Draw scenes of one thread and one or two dots on a shaded, noisy background.

    Specks of one pixel, as bright as a dot, and soft spots belong to the background.

    Parameters
    ----------
    n : int
        Number of scenes.
    rng : numpy.random.Generator
    size : int
        Height and width in pixels, 20 or more.

    Returns
    -------
    images : (n, size, size, 1) float32
        Grey values in [0, 1].
    labels : (n, size, size) uint8
        0 background, 1 thread, 2 dot.

    Raises
    ------
    ValueError
        For fewer than one scene or 20 pixels.

    Examples
    --------
    >>> images, labels = draw_threads(50, np.random.default_rng(0))
    >>> images.shape, (np.bincount(labels.ravel()) / labels.size).round(2).tolist()
    ((50, 40, 40, 1), [0.96, 0.03, 0.01])
    """
    if n < 1 or size < 20:
        raise ValueError(f"n, size: expected 1 scene or more of 20 pixels or more, got {n} of {size}")
    images, labels = np.zeros((n, size, size), np.float32), np.zeros((n, size, size), np.uint8)
    for image, label_map in zip(images, labels, strict=True):
        _draw(image, label_map, rng)
    return images[..., np.newaxis], labels


def _draw(image: npt.NDArray[np.float32], label_map: npt.NDArray[np.uint8], rng: np.random.Generator) -> None:
    """Draw one scene into its arrays."""
    size = len(image)
    rows, columns = np.mgrid[:size, :size]
    shading = ndimage.gaussian_filter(rng.normal(size=image.shape), size / 6, mode="wrap")
    image += 0.35 + 0.08 * shading / shading.std()
    for _ in range(2):  # soft spots: bright, but neither thread nor dot
        y, x, radius = *rng.uniform(0, size, 2), rng.uniform(3, 6)
        image += 0.2 * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * radius**2))
    specks = rng.random(image.shape) < 0.004
    image += np.where(specks, 0.35, 0)

    # The thread is a quadratic Bézier curve between two opposite sides.
    t = np.linspace(0, 1, 6 * size)[:, np.newaxis]
    start, bend, end = [rng.uniform(0, size), 0], rng.uniform(0, size, 2), [rng.uniform(0, size), size - 1]
    path = (1 - t) ** 2 * start + 2 * t * (1 - t) * bend + t**2 * end
    if rng.random() < 0.5:
        path = path[:, ::-1]
    off = np.ones(image.shape, bool)
    inside = np.clip(path.round().astype(int), 0, size - 1)
    off[inside[:, 0], inside[:, 1]] = False
    label_map[~off] = 1
    for _ in range(rng.integers(1, 3)):
        y, x, radius = *rng.uniform(3, size - 3, 2), rng.uniform(1.2, 2.0)
        label_map[(rows - y) ** 2 + (columns - x) ** 2 <= radius**2] = 2
    image += np.where(label_map > 0, rng.uniform(0.15, 0.3), 0) + rng.normal(0, 0.07, image.shape)
    np.clip(image, 0, 1, out=image)
