"""The report to hand in: one document of an audit, as JSON, HTML, Markdown and CSV.

`document` puts it together and seals it, `verify` checks its seal, `html` and `markdown` write it; its
drawings are figures. Everything they show is in the JSON.
"""

from .document import Report, report_of
from .verify import SealCheck, verify_report

__all__ = ["Report", "SealCheck", "report_of", "verify_report"]
