"""Audit: does the model rest on what it should, on what it must not, or on things nobody expected?

One module per idea: `verb` asks, `report` is the answer, `finding` what it says of one concept, `proof` what adds
counterfactuals and the detection limit, `data` the images behind components.
"""

from .data import TrainingImage, TrainingImages, training_images
from .finding import Finding, State, Thresholds
from .proof import with_proof
from .report import DEAD, NO_CONCEPT, REGIONS, AuditReport, Region
from .robustness import Robustness
from .verb import audit

__all__ = [
    "DEAD",
    "NO_CONCEPT",
    "REGIONS",
    "AuditReport",
    "Finding",
    "Region",
    "Robustness",
    "State",
    "Thresholds",
    "TrainingImage",
    "TrainingImages",
    "audit",
    "training_images",
    "with_proof",
]
