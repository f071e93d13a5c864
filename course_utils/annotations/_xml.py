"""XML that may come from anybody."""

from pathlib import Path
from xml.etree import ElementTree
from xml.parsers import expat

from course_utils.annotations._checks import PathLike, as_number

__all__ = ["Element", "number_in", "read_xml", "text_in"]

Element = ElementTree.Element


def read_xml(path: PathLike) -> Element:
    """Root of an XML file.

    Raises
    ------
    ValueError
        For what is not XML, and for a document type declaration: what it declares could fill the memory or name
        other files, and no annotation tool writes one.
    """
    builder = ElementTree.TreeBuilder()
    parser = expat.ParserCreate()

    def refuse(*_: object) -> None:
        raise ValueError(f"{path}: expected XML without a document type declaration (<!DOCTYPE …>)")

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.buffer_text = True
    if not Path(path).is_file() and Path(path).exists():
        raise ValueError(f"{path}: expected a file, got something else")
    try:
        parser.Parse(Path(path).read_bytes(), True)
    except (expat.ExpatError, LookupError) as error:  # the latter for an encoding that does not exist
        raise ValueError(f"{path}: not an XML file that can be read: {error}") from error
    return builder.close()


def text_in(element: Element, way: str) -> str:
    """Text of an element's first descendant on the way, without spaces around it; "" without one."""
    return (element.findtext(way) or "").strip()


def number_in(place: str, element: Element, way: str) -> float:
    """Number in an element's first descendant on the way."""
    return as_number(place, way.replace("/", "."), text_in(element, way))
