"""The report to hand in: one document of an audit, as JSON, HTML, Markdown and CSV.

`document` puts it together, `html` and `markdown` write it; its drawings are
figures. Everything they show is in the JSON.
"""

from .document import Report, report_of

__all__ = ["Report", "report_of"]
