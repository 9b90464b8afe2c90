"""Search: the box to type a query into, and the components that answer it."""

from __future__ import annotations

from PIL import Image

from ..session import Session
from ..session.ways import start_words, ways_on
from . import listing
from .answers import as_webp, squared
from .common import HITS
from .labelled import listed_layers
from .view import Live, View, maybe_text
from .widget import LensWidget
from .wire import Answer

_SIDE = 96  # of a closest image, in pixels


def ways(session: Session) -> Answer:
    """What may be done where nothing is found, and the images that come closest, as one sheet."""
    found, space = ways_on(session), session.space
    sheet = Image.new("RGB", (max(1, len(found.crops)) * _SIDE, _SIDE), (128, 128, 128))
    for at, (crop, _) in enumerate(found.crops):
        sheet.paste(squared(space.thumbnails.picture(crop), _SIDE), (at * _SIDE, 0))
    numbers = [(int(space.crop_images[crop]), cosine) for crop, cosine in found.crops]
    return {
        "shorter": [{"query": query, "without": left} for query, left in found.shorter],
        "spelling": list(found.spelling),
        "meaning": list(found.meaning),
        "images": [{"name": space.image_name(i), "label": space.label(i), "score": score} for i, score in numbers],
        "sheet": as_webp(sheet),
    }


def words_to_begin(session: Session) -> Answer:
    """Words to begin with, those that are found."""
    return {"words": list(start_words(session))}


VIEW = View(
    "search",
    live={"template": Live.same("template", maybe_text)},
    counters={"hits": HITS},
    constants={"layers": listed_layers, "templates": lambda session: list(session.probe_cache.templates)},
    verbs={"ways": ways, "start_words": words_to_begin, **listing.VERBS},
    recorded=listing.recorded,
    figure=True,
    has_content=lambda session: True,
)


class SearchBox(LensWidget, views=(View("search_box"),), bundle="search_box"):
    """The search box alone: type a query, the lens follows, and so does every other window of the lens.

    Parameters
    ----------
    lens
        The lens it shows and follows.

    Examples
    --------
    >>> view = sl.SearchBox(lens)  # the last line of a cell shows it
    """


class Gallery(
    LensWidget,
    views=(View("gallery", counters=VIEW.counters, constants=VIEW.constants, verbs=VIEW.verbs),),
    bundle="gallery",
):
    """The gallery alone: the lens's components as strips of their strongest examples, best hit first.

    Parameters
    ----------
    lens
        The lens it shows and follows.

    Examples
    --------
    >>> view = sl.Gallery(lens)  # the last line of a cell shows it
    """
