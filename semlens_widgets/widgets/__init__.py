"""The windows: anywidgets that show a lens and speak with the browser over one request channel."""

from .checklist import AuditChecklist
from .comparison_heatmap import ComparisonHeatmap
from .label_table import LabelTable
from .prediction import PredictionView
from .score_view import ScoreView
from .search import Gallery, SearchBox
from .semantic_map import SemanticMap
from .window import Window

__all__ = [
    "AuditChecklist",
    "ComparisonHeatmap",
    "Gallery",
    "LabelTable",
    "PredictionView",
    "ScoreView",
    "SearchBox",
    "SemanticMap",
    "Window",
]
