"""The semantic space: concept examples embedded by CLIP, and what a random set of images looks like there.

One module per idea: `verb` embeds, `value` is the space; `chance` says what random images look like in it,
`thumbnails` are the pictures it keeps.
"""

from .chance import NULL_SETS, SetScores, adjusted_similarity, score_at
from .thumbnails import Thumbnails, webp
from .value import Opened, Sample, SemanticSpace
from .verb import GATHERED, directions, embed, embed_some

__all__ = ["GATHERED", "NULL_SETS", "Opened", "Sample", "SemanticSpace", "SetScores", "Thumbnails",
           "adjusted_similarity", "directions", "embed", "embed_some", "score_at", "webp"]
