"""SemanticLens for JupyterLab."""
