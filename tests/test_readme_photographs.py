"""The lines of the README that lead from a folder of photographs to a detector, run on a small folder."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from course_utils.annotations import load_annotations, save_via
from course_utils.data import data_path
from course_utils.detection import build_ssd
from course_utils.training import load_class_names, load_weights
from notebooks import ROOT


def lines_of_the_readme() -> str:
    (block,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    return str(block)


def test_they_are_fifteen_at_most() -> None:
    assert len([line for line in lines_of_the_readme().splitlines() if line.strip()]) <= 15


@pytest.mark.integration
@pytest.mark.usefixtures("eagerly")
@pytest.mark.filterwarnings("ignore:Even though the `tf.config")  # that data are not read eagerly
def test_they_train_score_and_save(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "my_photographs"
    folder.mkdir()
    records, class_names = load_annotations(data_path("drinks/via_boxes.json"))
    for record in records[:15]:
        shutil.copy(data_path(f"drinks/{record.file_name}"), folder)
    save_via(records[:15], folder / "via.json", image_folder=folder, class_names=class_names)
    monkeypatch.chdir(tmp_path)
    code = lines_of_the_readme()
    assert code.count("1500") == 3  # the same number everywhere, here a smaller one
    exec(code.replace("1500", "3"), {})
    score = float(re.search(r"mAP@0\.5: (\S+)", capsys.readouterr().out)[1])
    assert 0.3 < score <= 1  # the shipped weights were there, and are scored on the scenes that were held out
    names = load_class_names("detector.npz")
    assert names == class_names
    model = build_ssd(n_classes=len(names))
    load_weights(model, "detector.npz", anchors=model.anchors, class_names=names)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
