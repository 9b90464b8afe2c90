"""One data set of images; what the model sees and what CLIP sees are both derived from it.

One module per idea: `sources` opens a data set, `folders` one on disk, `labels` and `datasets` find its classes,
`value` is one. `items` makes pictures or tensors of what it holds, on the scale that `tones` knows. `transform` finds
out what a transform does, `reading` reads ahead in batches, `processes` does so in processes of their own.
"""

from ..pictures import SUFFIXES
from .reading import Batch, ahead, batches, first_readable, read_ahead, reading_with
from .sources import images
from .tones import picture_in, rgb
from .transform import WHOLE, Window, behaviour, seen_window
from .value import Images, UnreadableImage

__all__ = [
    "SUFFIXES",
    "WHOLE",
    "Batch",
    "Images",
    "UnreadableImage",
    "Window",
    "ahead",
    "batches",
    "behaviour",
    "first_readable",
    "images",
    "picture_in",
    "read_ahead",
    "reading_with",
    "rgb",
    "seen_window",
]
