"""What tells attention where a key stands: without it, a sequence is a bag."""

import numpy as np
import numpy.typing as npt

from course_utils._arguments import as_count, require_positive

__all__ = ["sinusoidal_positions"]


def sinusoidal_positions(n: int, d: int, longest: float = 10_000.0) -> npt.NDArray[np.float32]:
    """A vector for each position: sines and cosines of wavelengths from 2π up to 2π × ``longest``.

    Parameters
    ----------
    n : int
        Positions 0 to n − 1; 0 or more.
    d : int
        Features, an even number of 2 or more.
    longest : float
        Above 0; 10,000 in the paper, meant for sentences. For fewer positions, fewer will do.

    Returns
    -------
    (n, d) float32
        Feature 2i of position p is sin(p / longest^(2i/d)), feature 2i + 1 the cosine.

    Raises
    ------
    ValueError
        For numbers out of range, or an odd d.

    Notes
    -----
    Vaswani et al. 2017, *Attention Is All You Need*, section 3.5. The product of two rows depends on the distance
    of their positions only.

    Examples
    --------
    >>> sinusoidal_positions(2, 4).round(2)
    array([[0.  , 1.  , 0.  , 1.  ], [0.84, 0.54, 0.01, 1.  ]], dtype=float32)
    """
    positions, features = as_count("n", n, low=0), as_count("d", d, low=2)
    if features % 2:
        raise ValueError(f"d: expected an even number, got {features}")
    rates = require_positive("longest", longest) ** (-np.arange(0, features, 2) / features)
    angles = np.arange(positions)[:, np.newaxis] * rates
    return np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(positions, features).astype(np.float32)
