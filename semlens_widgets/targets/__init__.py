"""What of a model's output is explained: `target=` of `explain`, `relate`, `circuit`, `effect` and `audit`.

A class by name or number is one, and so is any function of the model's output that gives one number per image. The
functions here make the others, as frozen values:

    sl.targets.output("cat")                          a class, a label, a regression's number
    sl.targets.all_on()                               all labels that are on
    sl.targets.segment("road", within=(0.4, 0.8))     a class of a segmentation: at a place, in a box or mask, …
    sl.targets.box("dog")                             a box of a detection
    sl.targets.text("a photo of a dog")               the image–text score of a CLIP's image tower
    sl.targets.similarity(3)                          the likeness to another image, of embeddings

One module per idea: `value` is what targets have in common and `goal` what they become for one model; `scores`,
`places`, `boxes`, `likeness` and `function` are the kinds, `given` reads what a user or a window gave.
"""

from .boxes import box
from .likeness import similarity, text
from .places import segment
from .scores import all_on, output
from .value import Target

__all__ = ["Target", "all_on", "box", "output", "segment", "similarity", "text"]
