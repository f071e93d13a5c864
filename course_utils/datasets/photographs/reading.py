"""A photograph from its file: upright, in red, green and blue of 8 bits."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

__all__ = ["read_photograph"]

# The EXIF tag that tells how the camera was held, and what turns each of its values upright.
ORIENTATION = 0x0112
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Pillow's modes of 8 bits or fewer that convert to RGB without a guess.
MODES = ("1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr")
MODES_WITH_ALPHA = ("LA", "La", "PA", "RGBA", "RGBa")


def read_photograph(path: Path | str) -> npt.NDArray[np.uint8]:
    """Read one photograph, as annotation tools show it.

    Parameters
    ----------
    path : path
        A file of any format that Pillow reads. Of several images in a file, the first.

    Returns
    -------
    (H, W, 3) uint8
        RGB, turned upright by its EXIF orientation. Grey ones, palettes and CMYK (without colour management)
        are converted; an alpha channel that hides nothing is left out.

    Raises
    ------
    ValueError
        For a file that is missing or damaged, for transparent pixels, whose background would have to be guessed,
        and for more than 8 bits a channel, whose white would have to be. The message does not name the file.

    Examples
    --------
    >>> read_photograph("missing.jpg")
    Traceback (most recent call last):
    ValueError: no such file
    """
    if not Path(path).exists():
        raise ValueError("no such file")
    if not Path(path).is_file():  # a pipe would be waited for
        raise ValueError("no file")
    try:
        with Image.open(path) as image:
            _require_8_bits(image)
            orientation = Image.Image.getexif(image).get(ORIENTATION)  # a PNG's own getexif decodes it first
            rgb = _as_rgb(image)
    except _RefusedError:
        raise
    except Exception as error:  # a damaged file ends in whatever its decoder stumbles over
        raise ValueError(f"not an image that can be read ({str(error).partition(chr(10))[0]})") from error
    if orientation in UPRIGHT:
        rgb = rgb.transpose(UPRIGHT[orientation])
    return np.asarray(rgb)


class _RefusedError(ValueError):
    """The file is fine, and what it means is not known here."""


def _require_8_bits(image: Image.Image) -> None:
    modes = [image.mode, *(str(tile[3]) for tile in getattr(image, "tile", []))]
    if image.mode in ("I", "F") or any("16" in mode for mode in modes):
        raise _RefusedError(
            f"more than 8 bits a channel (mode {image.mode}): what value is white differs from camera to camera; "
            "divide by it and save with 8 bits"
        )
    if image.mode not in MODES + MODES_WITH_ALPHA:
        raise _RefusedError(f'mode {image.mode}: convert it with Pillow\'s Image.convert("RGB") and save it')


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.mode in MODES_WITH_ALPHA or image.has_transparency_data:
        image = image.convert("RGBA")
        opacity = np.asarray(image.getchannel("A"))
        if opacity.min() < 255:
            raise _RefusedError(
                f"{(opacity < 255).mean():.0%} of its pixels are transparent (RGBA): what lies behind them would "
                "have to be guessed; paste it onto a background and save it without transparency"
            )
    return image.convert("RGB")
