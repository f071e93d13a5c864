"""Classes by name and by id: those that the caller gives, or those that a file holds."""

from collections.abc import Sequence

from course_utils.annotations._checks import shorten
from course_utils.annotations._objects import FoundFile, FoundObject, Label, whole_number

__all__ = ["BACKGROUND", "Classes", "UnknownClassError", "class_table", "find_class_names"]

# What files call the pixels that belong to no object.
BACKGROUND = ("background", "_background_", "__background__", "none")
# The most classes of which a label map has room.
MOST = 254


class UnknownClassError(ValueError):
    """An object of a class that is not among those asked for."""


def class_table(class_names: Sequence[str]) -> dict[str, int]:
    """Class ids by lower-case name.

    Raises
    ------
    ValueError
        If there are fewer than two names, or two are alike.

    Examples
    --------
    >>> class_table(("background", "Bottle"))
    {'background': 0, 'bottle': 1}
    """
    if isinstance(class_names, str) or len(class_names) < 2 or not all(isinstance(n, str) for n in class_names):
        raise ValueError(f"class_names: expected the background's name and one or more, got {class_names!r}")
    table = {name.strip().casefold(): index for index, name in enumerate(class_names)}
    if len(table) != len(class_names):
        raise ValueError(f"class_names: expected different names, whatever their case, got {list(class_names)}")
    return table


def find_class_names(found: FoundFile, default_class: str | None) -> tuple[str, ...]:
    """Names of the classes in a file: the declared ones by the file's ids, then others by name (or number).

    Raises
    ------
    ValueError
        If an object has no class and no ``default_class`` says which.
    """
    labels = [entry for image in found.images for entry in image.objects]
    others = found.other_classes | {entry.label.name for entry in labels if not entry.label.blank}
    nameless = next((entry for entry in labels if entry.label.blank), None)
    if nameless is not None:
        if default_class is None:
            raise ValueError(
                f"{nameless.place}, {nameless.field}: {nameless.missing or 'missing'}; "
                "default_class=… says which class such objects have"
            )
        others.add(default_class)

    def by_number(name: str) -> tuple[int, int, str, str]:
        number = whole_number(name)
        return (number is None, number or 0, name.casefold(), name)

    names: dict[str, str] = {}
    for name in [*found.classes, *sorted(others, key=by_number)]:
        if name.strip().casefold() not in BACKGROUND:
            names.setdefault(name.strip().casefold(), name.strip())
    if len(names) > MOST:
        raise ValueError(f"{found.path}: expected {MOST} classes at most, got {len(names)}")
    return ("background", *names.values())


class Classes:
    """The class ids of objects.

    Parameters
    ----------
    class_names : sequence of str
        The background's first.
    default_class : str, optional
        For objects without one. If there is only one class, it is that.
    found : bool
        Whether the names are those in the file, so that every object is called by one of them.
    """

    def __init__(self, class_names: Sequence[str], default_class: str | None, *, found: bool = False):
        self.names = tuple(class_names)
        self.found = found
        self.table = (
            {n.strip().casefold(): i for i, n in enumerate(class_names)} if found else class_table(class_names)
        )
        # With names that are numbers, but not their own ids, digits could be either.
        self.ambiguous = any(whole_number(name) not in (None, index) for name, index in self.table.items())
        self.default = 1 if len(self.names) == 2 and not found else None
        if default_class is not None:
            self.default = (
                self.table.get(default_class.strip().casefold()) if isinstance(default_class, str) else None
            )
            if not self.default and not found:
                raise ValueError(f"default_class: expected one of {list(self.names[1:])}, got {default_class!r}")

    def id_of(self, entry: FoundObject) -> int:
        """Id of an object's class.

        Raises
        ------
        UnknownClassError
            For a class that is none of these, the background's among them.
        ValueError
            For an object without a class, or digits that could be a name or an id.
        """
        label, place = entry.label, f"{entry.place}, {entry.field}"
        if label.blank:
            if self.default:
                return self.default
            if entry.missing:
                raise ValueError(f"{place}: {entry.missing}")
        class_id = self._look_up(label, place)
        if class_id is None or not 1 <= class_id < len(self.names):
            reason = "the background is not an object" if class_id == 0 else "unknown class"
            known = ", ".join(f"{index} {name}" for index, name in enumerate(self.names) if index)
            shown = label.shown or shorten(label.value)
            raise UnknownClassError(
                f'{place}: {reason}: {shown}; expected one of: {known} (unknown="skip" leaves others out)'
            )
        return class_id

    def _look_up(self, label: Label, place: str) -> int | None:
        if self.found:
            name = label.name.casefold()
            return 0 if name in BACKGROUND else self.table.get(name)
        if label.meaning is not None and label.meaning.strip().casefold() in self.table:
            return self.table[label.meaning.strip().casefold()]
        number = whole_number(label.value)
        named = self.table.get(label.value.strip().casefold()) if isinstance(label.value, str) else None
        if label.kind == "id":
            return named if number is None else number
        if named is not None or number is None or label.kind == "name":
            return named
        if self.ambiguous:
            raise ValueError(
                f"{place}: {shorten(label.value)} is ambiguous: an id, or the name of a class, for class_names "
                f"has numbers for names: {list(self.names)}"
            )
        return number
