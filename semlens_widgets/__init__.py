"""SemanticLens for JupyterLab: what has this vision model learned, and may it use it?

    import semlens_widgets as sl

    lens = sl.Lens(model, sl.images(folder, transform=…), layers=["layer4"], clip=sl.OpenClip(name, tag)).fit()
    lens.search("ruler")

`sl.demo.lens()` gives a fitted lens on a small synthetic world, offline.
"""

from __future__ import annotations

import importlib
from importlib.metadata import version
from typing import Any

from . import demo
from .audit import AuditReport, Thresholds, TrainingImages, audit
from .checklist import Checklist, Concept, Group
from .circuit import Circuit
from .clip import TEMPLATES, Clip, OpenClip, Probes, image_probes, text_probes
from .compare import Comparison, ConceptTable, Series
from .components import Component, Components, Recipe
from .crops import crop
from .describe import Labels, Meaning, vocabulary
from .effect import Effect
from .evaluate import Evaluation
from .examples import ConceptExamples, Statistics, collect
from .explain import Explanation, explain
from .images import Images, UnreadableImage, images
from .interchange import concept_database, dissect_labels, export_crops
from .lens import Lens, NotFitted, ShownLabel, compare_many, concept_table, open
from .model import Layer, NotFinite
from .relevance import Relevance, relevance
from .report import Report
from .role import Role, Streams
from .search import Hit, Matches, search
from .space import Sample, SemanticSpace, embed
from .store import SemlensFileError
from .verdicts import Verdict, Verdicts
from .verify import Verification

__version__ = version("semlens-widgets")

__all__ = [
    "TEMPLATES",
    "AuditReport",
    "Checklist",
    "Circuit",
    "Clip",
    "Comparison",
    "Component",
    "Components",
    "Concept",
    "ConceptExamples",
    "ConceptTable",
    "Effect",
    "Evaluation",
    "Explanation",
    "Group",
    "Hit",
    "Images",
    "Labels",
    "Layer",
    "Lens",
    "Matches",
    "Meaning",
    "NotFinite",
    "NotFitted",
    "OpenClip",
    "Probes",
    "Recipe",
    "Relevance",
    "Report",
    "Role",
    "Sample",
    "SemanticSpace",
    "SemlensFileError",
    "Series",
    "ShownLabel",
    "Statistics",
    "Streams",
    "Thresholds",
    "TrainingImages",
    "UnreadableImage",
    "Verdict",
    "Verdicts",
    "Verification",
    "audit",
    "collect",
    "compare_many",
    "concept_database",
    "concept_table",
    "crop",
    "demo",
    "dissect_labels",
    "embed",
    "explain",
    "export_crops",
    "figures",
    "image_probes",
    "images",
    "open",
    "panel",
    "relevance",
    "search",
    "text_probes",
    "vocabulary",
]


def __getattr__(name: str) -> Any:
    """`sl.figures` and `sl.panel` are imported when they are asked for: they bring matplotlib."""
    if name not in ("figures", "panel"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    figures = importlib.import_module(".figures", __name__)
    return figures if name == "figures" else figures.panel
