"""Maps computed from label maps before training: signed distances and U-Net's pixel weights.

NumPy and SciPy only: no gradient passes through them.
"""

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage import measure

from course_utils._arguments import (
    IGNORE,
    FloatArray,
    as_comparable,
    as_count,
    as_float_array,
    as_integer_array,
    require_positive,
    require_within,
    shown,
)

__all__ = ["signed_distance_maps", "unet_weight_map"]


def signed_distance_maps(label_maps: npt.ArrayLike, n_classes: int) -> npt.NDArray[np.float32]:
    """Distance of every pixel to every class's region, negative inside the region.

    Parameters
    ----------
    label_maps : (N, H, W) int
        Class ids from 0; 255 is ignored.
    n_classes : int
        K, 1 to 255.

    Returns
    -------
    (N, H, W, K) float32
        In pixels. Outside class k: the distance to the nearest pixel of class k. Inside: minus the
        distance to the nearest pixel of another class. 0 in every class where a pixel is ignored,
        and 0 everywhere for a class that the image lacks or that fills it: it has no outline.

    Raises
    ------
    ValueError
        For another rank, labels that are no class ids, or ``n_classes`` out of range.

    Notes
    -----
    Kervadec et al. 2019, *Boundary loss for highly unbalanced segmentation*, section 2: the level set
    function φ. Distances go from pixel centre to pixel centre, so the two sides of an outline are at
    −1 and +1. (The authors' code has 0 and +1: 1 less inside. Then a structure one pixel wide would
    have a distance of 0 all over, and nothing would ask for it.)

    Examples
    --------
    >>> signed_distance_maps([[[0, 0, 1]]], 2)[0, 0].T
    array([[-2., -1.,  1.],
           [ 2.,  1., -1.]], dtype=float32)
    """
    size = as_count("n_classes", n_classes, high=IGNORE)
    maps = as_integer_array("label_maps", label_maps, low=0, high=size, ignore=IGNORE)
    if maps.ndim != 3:
        raise ValueError(f"label_maps: expected shape (N, H, W), got {maps.shape}")
    distances = np.zeros((*maps.shape, size), np.float32)
    for label_map, into in zip(maps, distances, strict=True):
        counted = label_map != as_comparable(IGNORE, label_map)
        for class_id in np.unique(label_map[counted]):
            inside = label_map == class_id
            outside = counted & ~inside
            if outside.any():
                signed = ndimage.distance_transform_edt(~inside) - ndimage.distance_transform_edt(~outside)
                into[..., class_id] = np.where(inside | outside, signed, 0)
    return distances


def unet_weight_map(
    label_map: npt.ArrayLike,
    class_weights: npt.ArrayLike | None = None,
    w0: float = 10.0,
    sigma: float = 5.0,
) -> FloatArray:
    """Pixel weights that stress the gaps between neighbouring objects.

    Every pixel has the weight of its class; a background pixel has
    w0 exp(−(d₁ + d₂)² / (2σ²)) on top, with d₁ and d₂ the distances to the nearest and the second
    nearest object.

    Parameters
    ----------
    label_map : (H, W) int
        0 is the background, 255 is ignored. An object is a connected region of one id other than 0
        (edges touching), so class ids and instance ids both work.
    class_weights : (K,) float, optional
        Weight of each id, all 1 by default. The paper balances the classes' frequencies over the
        training set.
    w0 : float
        Height of the border term, 0 or more.
    sigma : float
        Its width in pixels, above 0.

    Returns
    -------
    (H, W) float64
        0 or more; 0 where a pixel is ignored. With fewer than two objects there is no border term.

    Raises
    ------
    ValueError
        For another rank, labels out of range, or numbers outside their ranges.

    Notes
    -----
    Ronneberger, Fischer and Brox 2015, *U-Net*, section 3, with w0 = 10 and σ of about 5 pixels. The
    formula leaves open what d₁ is inside an object; here the border term stays in the background,
    which is what it is for.

    Examples
    --------
    >>> unet_weight_map([[1, 0, 1, 0, 0]], sigma=2.0).round(2)
    array([[1.  , 7.07, 1.  , 2.35, 1.11]])
    """
    height, spread = require_within("w0", w0, 0, np.inf), require_positive("sigma", sigma)
    weights = None if class_weights is None else as_float_array("class_weights", class_weights)
    if weights is not None and not (weights.ndim == 1 and np.isfinite(weights).all() and (weights >= 0).all()):
        raise ValueError(f"class_weights: expected numbers of 0 or more, one an id, got {shown(class_weights)}")
    n_ids = IGNORE if weights is None else min(len(weights), IGNORE)
    ids = as_integer_array("label_map", label_map, low=0, high=n_ids, ignore=IGNORE)
    if ids.ndim != 2:
        raise ValueError(f"label_map: expected shape (H, W), got {ids.shape}")

    counted = ids != as_comparable(IGNORE, ids)
    table = np.ones(IGNORE) if weights is None else weights
    result = np.where(counted, table[np.where(counted, ids, 0)], 0.0)
    foreground = np.where(counted, ids, 0)
    objects = measure.label(foreground, background=0, connectivity=1)
    n_objects = int(objects.max(initial=0))
    if n_objects >= 2:
        nearest = np.full((2, *ids.shape), np.inf)
        for number in range(1, n_objects + 1):  # keeps the two smallest distances seen so far
            distance = ndimage.distance_transform_edt(objects != number)
            nearest = np.sort(np.concatenate([nearest, distance[np.newaxis]]), axis=0)[:2]
        with np.errstate(over="ignore", under="ignore"):  # far beyond a tiny sigma the border term is 0
            result += np.where(ids == 0, height * np.exp(-0.5 * (nearest.sum(axis=0) / spread) ** 2), 0.0)
    return np.asarray(result)
