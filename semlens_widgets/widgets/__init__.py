"""The windows: anywidgets that show a lens and speak with the browser over one request channel."""

from .views import Gallery, SearchBox
from .window import Window

__all__ = ["Gallery", "SearchBox", "Window"]
