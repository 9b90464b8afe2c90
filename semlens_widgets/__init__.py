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

from . import artefacts, demo, targets
from .attribution.values import Composite
from .audit import AuditReport, Robustness, Thresholds, TrainingImages, audit
from .checklist import Checklist, Concept, Group
from .circuit import Circuit
from .clip import TEMPLATES, Clip, OpenClip, Probes, image_probes, text_probes
from .compare import Comparison, ConceptTable, Series
from .components import Component, Components, Recipe
from .counterfactual import Counterfactual, Pairs
from .crops import crop
from .describe import Labels, Meaning
from .detection import Limit
from .dictionaries import LearnedDictionary, Stability, learn_dictionary
from .directions import Direction, Sensitivity, direction
from .dossier import Dossier, Risk, Signatory
from .effect import Effect
from .evaluate import Evaluation
from .examples import ConceptExamples, Statistics, collect
from .explain import Explanation, explain
from .faithfulness import Faithfulness
from .gate import GateResult, gate
from .images import Images, UnreadableImage, images
from .interchange import concept_database, dissect_labels, export_crops
from .layout import Layout
from .lens import Lens, open
from .model import Heads, Layer, Mlp, NotFinite, Offer, Offers, dictionary, layers
from .performance import Performance
from .readers import Agreement, Reading
from .relevance import Relevance, relevance
from .repair import Repair
from .report import Report, SealCheck, verify_report
from .results import Result
from .role import Role, Streams
from .search import Hit, Matches, search
from .sections import Section, Table
from .session.comparing import compare_many, concept_table
from .session.labels import ShownLabel
from .session.state import NotFitted
from .space import Sample, SemanticSpace, embed
from .store import SemlensFileError
from .verdicts import Verdict, Verdicts
from .verify import Verification
from .versions import versions
from .vocabularies import vocabulary

__version__ = version("semlens-widgets")

__all__ = [
    "TEMPLATES",
    "Agreement",
    "AuditChecklist",
    "AuditReport",
    "Checklist",
    "Circuit",
    "Clip",
    "Comparison",
    "ComparisonHeatmap",
    "Component",
    "Components",
    "Composite",
    "Concept",
    "ConceptExamples",
    "ConceptTable",
    "Counterfactual",
    "Direction",
    "Dossier",
    "Effect",
    "Evaluation",
    "Explanation",
    "Faithfulness",
    "Gallery",
    "GateResult",
    "Group",
    "Heads",
    "Hit",
    "Images",
    "LabelTable",
    "Labels",
    "Layer",
    "Layout",
    "LearnedDictionary",
    "Lens",
    "Limit",
    "Matches",
    "Meaning",
    "Mlp",
    "NotFinite",
    "NotFitted",
    "Offer",
    "Offers",
    "OpenClip",
    "Pairs",
    "Performance",
    "PredictionView",
    "Probes",
    "Reading",
    "Recipe",
    "Relevance",
    "Repair",
    "Report",
    "Risk",
    "Robustness",
    "Role",
    "Sample",
    "ScoreView",
    "SealCheck",
    "SearchBox",
    "Section",
    "SemanticMap",
    "SemanticSpace",
    "SemlensFileError",
    "Sensitivity",
    "Series",
    "ShownLabel",
    "Signatory",
    "Stability",
    "Statistics",
    "Streams",
    "Table",
    "Thresholds",
    "TrainingImages",
    "UnreadableImage",
    "Verdict",
    "Verdicts",
    "Verification",
    "Window",
    "artefacts",
    "audit",
    "collect",
    "compare_many",
    "concept_database",
    "concept_table",
    "crop",
    "demo",
    "dictionary",
    "direction",
    "dissect_labels",
    "embed",
    "explain",
    "export_crops",
    "figures",
    "gate",
    "image_probes",
    "images",
    "layers",
    "learn_dictionary",
    "open",
    "panel",
    "relevance",
    "search",
    "targets",
    "text_probes",
    "verify_report",
    "versions",
    "vocabulary",
]


def _draw(result: Result, **options: Any) -> Any:
    from .figures import figure_of

    return figure_of(result, **options)


Result._draw = staticmethod(_draw)

_LATER = {"figures": ".figures", "panel": ".figures", "widgets": ".widgets"} | dict.fromkeys(
    (
        "AuditChecklist",
        "ComparisonHeatmap",
        "Gallery",
        "LabelTable",
        "PredictionView",
        "ScoreView",
        "SearchBox",
        "SemanticMap",
        "Window",
    ),
    ".widgets",
)


def __getattr__(name: str) -> Any:
    """Figures and windows are imported when they are asked for: they bring matplotlib and anywidget."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(_LATER[name], __name__)
    return module if _LATER[name] == f".{name}" else getattr(module, name)
