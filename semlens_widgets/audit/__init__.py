"""Audit: does the model rest on what it should, on what it must not, or on things nobody expected?

One module per idea: `verb` asks, `report` is the answer, `data` the images behind components.
"""

from .data import TrainingImage, TrainingImages, training_images
from .report import DEAD, NO_CONCEPT, REGIONS, AuditReport, Finding, Region, State, Thresholds
from .verb import audit

__all__ = [
    "DEAD",
    "NO_CONCEPT",
    "REGIONS",
    "AuditReport",
    "Finding",
    "Region",
    "State",
    "Thresholds",
    "TrainingImage",
    "TrainingImages",
    "audit",
    "training_images",
]
