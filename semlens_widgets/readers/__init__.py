"""Two readers: who reads an audit blind, whether both have finished, how well they agree, and who settled the rest."""

from .agreement import Agreement, agreement
from .reading import Reading

__all__ = ["Agreement", "Reading", "agreement"]
