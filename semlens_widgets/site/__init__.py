"""A lens as a static site: the window over data files that are read piece by piece, and a page for every component."""

from __future__ import annotations

from .places import link
from .verb import to_site

__all__ = ["link", "to_site"]
