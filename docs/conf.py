"""The site: `make docs` builds it, offline, with warnings as errors. What its pages show is made by `docs/pages.py`."""

import inspect
import os
import re
import shutil
import sys
from importlib.metadata import version as installed
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS))

from docstrings import to_rst  # noqa: E402
from docutils import nodes  # noqa: E402
from docutils.utils.math import latex2mathml  # noqa: E402
from sphinx.util.inspect import stringify_signature  # noqa: E402
from traitlets import HasTraits  # noqa: E402

import semlens_widgets as sl  # noqa: E402
from semlens_widgets.results import Result  # noqa: E402

project = "semlens_widgets"
author = "the authors of semlens_widgets"
copyright = "the authors of semlens_widgets"
version = release = installed("semlens-widgets")

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 4
nb_execution_mode = "off"  # the tests run them, once
exclude_patterns = ["_build", "made", "tutorials/*.png"]

add_module_names = False
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 100
python_use_unqualified_type_names = True
toc_object_entries = False
napoleon_google_docstring = False
napoleon_use_rtype = False  # the type stands before what is said of it
napoleon_custom_sections = [("Attributes", "params_style")]  # as parameters are shown, not as members beside the others

smartquotes = False  # by="activations" is code wherever it stands
html_theme = "furo"
html_title = "semlens_widgets"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = [("site.js", {"defer": "defer"})]
html_extra_path = ["extra"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_sphinx = False
pygments_style, pygments_dark_style = "a11y-high-contrast-light", "a11y-high-contrast-dark"

# The notebooks stay where they are run, the project's own texts where a code host shows them; windows that pages have
# made are files of the site.
ROOT = DOCS.parent
shutil.copytree(ROOT / "notebooks", DOCS / "tutorials", dirs_exist_ok=True,
                ignore=shutil.ignore_patterns(".ipynb_checkpoints"))  # fmt: skip
for notebook in (DOCS / "tutorials").glob("*.ipynb"):  # pages they link lie one folder nearer here
    notebook.write_text(notebook.read_text("utf-8").replace("](../docs/", "](../"), "utf-8")
PROJECT = [ROOT / f"{name}.md" for name in ("CHANGELOG", "ARCHITECTURE", "CONTRIBUTING", "SECURITY", "CODE_OF_CONDUCT")]
PROJECT.append(ROOT / "semlens_widgets" / "demo" / "MODEL_CARD.md")
_LINK = re.compile(r"\]\((?![a-z]+:|#)([^)#\s]+)")


def _placed(text, source, there):
    """Markdown of `source` as it reads in the file `there`: its links lead where they led."""

    def moved(link):
        target = (source.parent / link[1]).resolve()
        if target in PROJECT:
            target = DOCS / "project" / target.name
        elif target.suffix == ".ipynb" and target.parent == ROOT / "notebooks":
            target = DOCS / "tutorials" / target.name
        return f"]({os.path.relpath(target, there.parent)}"

    return _LINK.sub(moved, text)


(DOCS / "project").mkdir(exist_ok=True)
for text in PROJECT:
    placed = _placed(text.read_text("utf-8"), text, DOCS / "project" / text.name)
    (DOCS / "project" / text.name).write_text(placed, "utf-8")
(DOCS / "extra").mkdir(exist_ok=True)
for page in (DOCS / "made").glob("*/*.html"):
    (DOCS / "extra" / "made" / page.parent.name).mkdir(parents=True, exist_ok=True)
    shutil.copy2(page, DOCS / "extra" / "made" / page.parent.name)


def _source(app, name, text):
    page = DOCS / f"{name}.md"
    if page.exists() and not name.startswith("project/"):
        text[0] = _placed(text[0], page, page)


_PUBLIC = frozenset(sl.__all__)


def _docstring(app, what, name, obj, options, lines):
    lines[:] = [] if what == "data" else to_rst(lines, _PUBLIC)  # a tuple's own docstring tells of tuples


def _signature(app, what, name, obj, options, signature, return_annotation):
    """Results are made by verbs: what their constructors take is nothing to call. Traits hide what others take."""
    if what != "class" or not isinstance(obj, type):
        return None
    if issubclass(obj, Result):
        return "", None
    if not issubclass(obj, HasTraits):
        return None
    return stringify_signature(inspect.signature(obj).replace(return_annotation=inspect.Signature.empty)), None


def _inline(writer, node):
    writer.body.append(latex2mathml.tex2mathml(node.astext(), as_block=False))
    raise nodes.SkipNode


def _block(writer, node):
    mathml = latex2mathml.tex2mathml(node.astext(), as_block=True)
    writer.body.append(f'<div class="formula" tabindex="0">{mathml}</div>')
    raise nodes.SkipNode


def setup(app):
    """Formulas as MathML, which browsers draw without a script; docstrings in the house's style."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    app.connect("source-read", _source)
    app.connect("autodoc-process-docstring", _docstring, priority=400)  # napoleon reads the sections after it
    app.connect("autodoc-process-signature", _signature)
