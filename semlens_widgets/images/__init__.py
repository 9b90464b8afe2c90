"""One data set of images; what the model sees and what CLIP sees are both derived from it.

One module per idea: `sources` opens a data set, `value` is one, `transform` finds out what a transform does, `reading`
reads ahead in batches.
"""

from .reading import Batch, ahead, batches
from .sources import SUFFIXES, images
from .transform import WHOLE, Window, behaviour, seen_window
from .value import Images, UnreadableImage, rgb

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
    "images",
    "rgb",
    "seen_window",
]
