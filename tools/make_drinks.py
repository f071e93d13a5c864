"""Draw the course's sample of annotated photographs: data/drinks/, 50 scenes and their annotations.

    python tools/make_drinks.py

Scene i is the one that `render_dataset(50, seed=3, height=240, width=320)` has at index i, stored as JPEG.
The annotations say what a careful annotator would: boxes around what can be seen of each drink, and the outline
of what can be seen, in several parts where something in front cuts it. They come in four files: `via_boxes.json`,
`via_polygons.json`, `boxes.csv`, `coco.json`.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from skimage import measure

from course_utils._files import replacing
from course_utils.annotations import Record, save_boxes_csv, save_coco, save_via
from course_utils.annotations.records import Outline, Parts
from course_utils.datasets.dataset import Scene
from course_utils.datasets.drinks.dataset import render_dataset
from course_utils.datasets.drinks.scenes import CLASS_NAMES

COUNT, SEED, HEIGHT, WIDTH = 50, 3, 240, 320
QUALITY = 95
# How far, in pixels, an outline may leave the edges of the pixels that it surrounds.
TOLERANCE = 0.3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent.parent / "data" / "drinks")
    folder = parser.parse_args().output
    folder.mkdir(parents=True, exist_ok=True)
    records = []
    for index, scene in enumerate(render_dataset(COUNT, SEED, HEIGHT, WIDTH)):
        record = annotate(scene, f"drinks_{index:02}.jpg")
        with replacing(folder / record.file_name) as temporary:
            Image.fromarray(scene.image).save(temporary, "JPEG", quality=QUALITY, subsampling=0, optimize=True)
        records.append(record)
    save_via(records, folder / "via_boxes.json", kind="boxes", image_folder=folder, class_names=CLASS_NAMES)
    save_via(records, folder / "via_polygons.json", image_folder=folder, class_names=CLASS_NAMES)
    save_boxes_csv(records, folder / "boxes.csv")
    save_coco(records, folder / "coco.json", image_folder=folder, class_names=CLASS_NAMES)
    size = sum(path.stat().st_size for path in folder.iterdir())
    objects = sum(len(record.boxes) for record in records)
    print(f"{COUNT} photographs, {objects} drinks, {size / 1e6:.2f} MB in {folder}", file=sys.stderr)


def annotate(scene: Scene, file_name: str) -> Record:
    """Boxes and outlines of what can be seen of each drink."""
    outlines: list[Outline] = [
        visible_outline(scene.instance_ids == index + 1) for index in range(len(scene.boxes))
    ]
    return Record(file_name, scene.boxes, scene.class_ids, outlines)


def visible_outline(seen: npt.NDArray[np.bool_]) -> Parts:
    """Polygons that hold exactly the centres of a mask's pixels."""
    outlines: list[npt.NDArray[np.float64]] = []
    holes: list[npt.NDArray[np.float64]] = []
    for contour in measure.find_contours(np.pad(seen, 1).astype(float), 0.5):
        # From rows and columns of pixels' centres in the padded mask to x and y of the image.
        polygon = measure.approximate_polygon(contour[:, ::-1] - 0.5, TOLERANCE)[:-1]
        (x, y), (next_x, next_y) = polygon.T, np.roll(polygon, -1, axis=0).T
        # Outlines run the other way than holes.
        (outlines if np.sum(x * next_y - next_x * y) > 0 else holes).append(polygon)
    for hole in holes:
        # Neither VIA nor COCO knows holes: go in along a line, around the hole, and out along the same line.
        index = next(i for i, outline in enumerate(outlines) if measure.points_in_poly(hole[:1], outline)[0])
        outline = outlines[index]
        outlines[index] = np.concatenate([outline, outline[:1], hole, hole[:1]])
    return outlines


if __name__ == "__main__":
    main()
