"""Performance: how right a model is, for whom, and where its components say that it is worse.

One module per idea: `answers` asks the model, `estimates` are numbers with honest intervals, `measures` what is
measured of some images, `metadata` what is known of each image beside its label, `slices` the images that components
propose, `value` is what is found, `verb` puts it together.
"""

from .answers import Answers, NoLabels, ask_all
from .estimates import Estimate, bootstrap, difference, of_auroc, of_share, p_of_difference
from .measures import MEASURES, Bin, ClassMeasures, Measures
from .metadata import Metadata, read_metadata
from .slices import Candidate
from .value import Gap, Performance, Slice, Subgroup
from .verb import FEWEST, performance

__all__ = [
    "FEWEST",
    "MEASURES",
    "Answers",
    "Bin",
    "Candidate",
    "ClassMeasures",
    "Estimate",
    "Gap",
    "Measures",
    "Metadata",
    "NoLabels",
    "Performance",
    "Slice",
    "Subgroup",
    "ask_all",
    "bootstrap",
    "difference",
    "of_auroc",
    "of_share",
    "p_of_difference",
    "performance",
    "read_metadata",
]
