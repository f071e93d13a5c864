"""Draw the course's stand-in for photographs of your own: data/photographs/, as another camera would see drinks.

    python tools/make_photographs.py

60 photographs of 240 × 320 pixels that show 25 tables, from one to four times each: between two shots the camera
has moved a little. Difficulty 0 of the renderer, seen through a lens that blurs and darkens its corners, in warm
light, by a sensor that is dark and noisy, stored as JPEG: a detector that was trained on the course's scenes knows
the drinks, but not this camera. The annotations are outlines of what can be seen of each drink, in two files: a
project of the VGG Image Annotator (`via.json`) and one in the COCO format (`coco.json`).
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.ndimage import gaussian_filter

from course_utils._files import replacing
from course_utils.annotations import Record, save_coco, save_via
from course_utils.annotations.records import box_of_parts
from course_utils.datasets import CLASS_NAMES, Scene, render_dataset
from make_drinks import visible_outline

COUNT, SEED, HEIGHT, WIDTH = 60, 20, 240, 320
# How far the camera moves between two shots of a table, in pixels down and across.
MARGIN = (6, 8)
QUALITY = 88

# The camera: what becomes of red, green and blue, of dark tones, of sharpness, of the corners; its noise.
GAINS = (1.15, 0.7, 0.4)
GAMMA = 1.7
BLUR = 2.0  # standard deviation in pixels
CORNERS = 0.6  # share of the light that they lose
NOISE = 0.05  # standard deviation, of white
# Less of a drink than this, in pixels, nobody annotates.
LEAST_PIXELS = 150


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent.parent / "data" / "photographs")
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--seed", type=int, default=SEED)
    arguments = parser.parse_args()
    records = take(arguments.output, arguments.count, arguments.seed)
    size = sum(path.stat().st_size for path in arguments.output.iterdir())
    objects = sum(len(record.boxes) for record in records)
    print(f"{len(records)} photographs, {objects} drinks, {size / 1e6:.2f} MB", file=sys.stderr)


def take(folder: Path, count: int, seed: int) -> list[Record]:
    """Write photographs and their two annotation files into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    scenes = iter(render_dataset(count, seed, HEIGHT + MARGIN[0], WIDTH + MARGIN[1], difficulty=0))
    records: list[Record] = []
    while len(records) < count:
        scene = next(scenes)
        for _ in range(min(int(rng.integers(1, 5)), count - len(records))):
            seen = moved(scene, *(int(rng.integers(0, room + 1)) for room in MARGIN))
            record = annotate(seen, f"photograph_{len(records):02}.jpg")
            with replacing(folder / record.file_name) as temporary:
                Image.fromarray(through_the_camera(seen.image, rng)).save(
                    temporary, "JPEG", quality=QUALITY, optimize=True
                )
            records.append(record)
    save_via(records, folder / "via.json", image_folder=folder, class_names=CLASS_NAMES)
    save_coco(records, folder / "coco.json", image_folder=folder, class_names=CLASS_NAMES)
    return records


def moved(scene: Scene, down: int, across: int) -> Scene:
    """What a camera sees that stands so many pixels further down and to the right."""
    window = slice(down, down + HEIGHT), slice(across, across + WIDTH)
    return Scene(
        image=scene.image[window],
        boxes=scene.boxes,
        class_ids=scene.class_ids,
        polygons=scene.polygons,
        label_map=scene.label_map[window],
        instance_ids=scene.instance_ids[window],
    )


def annotate(scene: Scene, file_name: str) -> Record:
    """Outlines of what can be seen of each drink, and the boxes around them."""
    masks = [scene.instance_ids == index + 1 for index in range(len(scene.class_ids))]
    seen = [index for index, mask in enumerate(masks) if mask.sum() >= LEAST_PIXELS]
    outlines = [visible_outline(masks[index]) for index in seen]
    boxes = np.array([box_of_parts(outline) for outline in outlines]).reshape(-1, 4)
    return Record(file_name, boxes, scene.class_ids[seen], list(outlines))


def through_the_camera(image: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """The same view, as the other camera stores it."""
    light = gaussian_filter(image.astype(np.float64) / 255, (BLUR, BLUR, 0))
    light = np.clip(light * GAINS, 0, 1) ** GAMMA
    y, x = np.linspace(-1, 1, HEIGHT), np.linspace(-1, 1, WIDTH)
    light *= (1 - CORNERS * (y[:, np.newaxis] ** 2 + x**2) / 2)[..., np.newaxis]
    stored = np.round(255 * np.clip(light + rng.normal(0, NOISE, light.shape), 0, 1))
    return np.asarray(stored, np.uint8)


if __name__ == "__main__":
    main()
