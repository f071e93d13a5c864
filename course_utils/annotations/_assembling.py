"""From what a reader found to records: which class an object has, and what is done about what does not fit."""

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from course_utils._arguments import Float64Array, require_kind
from course_utils.annotations._checks import ROUNDING, LeftOutError, Outside, Size, fit_box, fit_outline
from course_utils.annotations._classes import Classes, UnknownClassError, find_class_names
from course_utils.annotations._objects import AnnotationSet, FoundFile, FoundImage, FoundObject
from course_utils.annotations.records import Outline, Parts, Record

__all__ = ["Rules", "Skip", "assemble"]

Skip = Literal["error", "skip"]
# Class names and places that a message lists before it breaks off.
LISTED = 8


@dataclass(frozen=True)
class Rules:
    """What to do about what a record has no place for."""

    unknown: Skip = "error"
    default_class: str | None = None
    crowds: Skip = "error"
    without_area: Skip = "error"
    outside: Outside = "error"
    tell_clipped: bool = False

    def __post_init__(self) -> None:
        require_kind(self.unknown, ("error", "skip"), name="unknown")
        require_kind(self.without_area, ("error", "skip"), name="without_area")
        require_kind(self.outside, ("error", "clip"), name="outside")


class _Told:
    """What was left out or changed, by reason and class."""

    def __init__(self) -> None:
        self.counts: dict[str, Counter[str]] = {}
        self.first: dict[str, str] = {}

    def add(self, reason: str, label: str, place: str) -> None:
        self.counts.setdefault(reason, Counter())[label] += 1
        self.first.setdefault(reason, place)

    def texts(self) -> list[str]:
        found = []
        for reason, labels in self.counts.items():
            names = [f"{name} {count}" for name, count in labels.most_common(LISTED)]
            names += ["…"] if len(labels) > LISTED else []
            found.append(f"{reason}: {labels.total()} ({', '.join(names)}; the first: {self.first[reason]})")
        return found


def assemble(found: FoundFile, class_names: Sequence[str] | None, rules: Rules) -> AnnotationSet:
    """Records of what was found; one warning tells the caller's caller what was left out or changed.

    Raises
    ------
    ValueError
        For what the rules forbid; the message names the place.
    """
    names = find_class_names(found, rules.default_class) if class_names is None else tuple(class_names)
    classes = Classes(names, rules.default_class, found=class_names is None)
    told = _Told()
    seen: dict[str, FoundImage] = {}
    records = []
    for image in found.images:
        if image.name in seen:
            keys = f", under {seen[image.name].key!r} and {image.key!r}" if image.key else ""
            raise ValueError(f"{image.place}, {found.name_field}: given twice{keys}")
        seen[image.name] = image
        records.append(_record(found.path, image, classes, rules, told))
    texts = told.texts() + [f"{text}: {count}" for text, count in found.told.items()]
    if texts:
        warnings.warn(f"{found.path}: " + "; ".join(texts), UserWarning, stacklevel=3)
    return AnnotationSet(records, names)


def _record(path: str, image: FoundImage, classes: Classes, rules: Rules, told: _Told) -> Record:
    kept: list[tuple[int, list[Float64Array], Parts]] = []
    joined: dict[object, int] = {}
    for entry in image.objects:
        where = entry.place.removeprefix(path).lstrip(":, ")
        if entry.crowd:
            if rules.crowds == "error":
                raise ValueError(
                    f'{entry.place}, iscrowd: a crowd is not one object; crowds="skip" leaves it out, '
                    'crowds="objects" reads it as one'
                )
            told.add("crowds left out", entry.label.name, where)
            continue
        try:
            class_id = classes.id_of(entry)
        except UnknownClassError:
            if rules.unknown == "error":
                raise
            told.add("objects of a foreign class left out", entry.label.name, where)
            continue
        name = classes.names[class_id]
        try:
            box, parts, clipped = _shape(entry, image.size, rules)
        except LeftOutError as error:
            if rules.without_area == "error":
                raise
            told.add(f"{error.reason} left out", name, where)
            continue
        for lost in entry.lost_parts:
            told.add(f"{lost.reason} left out", name, where)
        if clipped and rules.tell_clipped:
            told.add("boxes cut at the edge of their image", name, where)
        index = len(kept) if entry.instance is None else joined.setdefault(entry.instance, len(kept))
        if index == len(kept):
            kept.append((class_id, [], []))
        if kept[index][0] != class_id and entry.instance is not None:
            field, value = entry.instance
            raise ValueError(
                f"{entry.place}, {field}: {value!r} has two classes, {classes.names[kept[index][0]]} and {name}"
            )
        kept[index][1].append(box)
        kept[index][2].extend(parts)
    boxes = [np.concatenate([np.min(found, axis=0)[:2], np.max(found, axis=0)[2:]]) for _, found, _ in kept]
    outlines: list[Outline] = [parts or None for _, _, parts in kept]
    ids = np.array([class_id for class_id, _, _ in kept], np.int64)
    return Record(image.name, np.array(boxes).reshape(-1, 4), ids, outlines)


def _shape(entry: FoundObject, size: Size | None, rules: Rules) -> tuple[Float64Array, Parts, bool]:
    """Box and parts of one object, and whether the box was cut."""
    if entry.trouble is not None:
        raise entry.trouble
    if entry.lost_parts and rules.without_area == "error":
        raise entry.lost_parts[0]
    if entry.parts and not entry.box_is_bound:
        inside = fit_outline(
            f"{entry.place}, {entry.box_fields[-1]}" if entry.box_fields else entry.place, entry.parts, size
        )
        if entry.box is None:
            return inside, entry.parts, False
    if entry.box is None:
        raise entry.lost_parts[0]
    box = fit_box(entry.place, entry.box_fields, entry.box, size, rules.outside)
    return box, entry.parts, bool(np.max(np.abs(box - np.asarray(entry.box, np.float64))) > ROUNDING)
