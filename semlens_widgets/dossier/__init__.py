"""The dossier: what people say about a model and its audit, as one value and one file, and which clauses ask for it.

`fields` says what can be said, `value` holds it, `markdown` reads and writes it, `clauses` is the index.
"""

from .clauses import CLAUSES, Clause, ClauseList, index
from .fields import FIELDS, PARTS, Field
from .value import Dossier, Risk, Signatory

__all__ = ["CLAUSES", "FIELDS", "PARTS", "Clause", "ClauseList", "Dossier", "Field", "Risk", "Signatory", "index"]
