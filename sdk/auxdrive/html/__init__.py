"""HTML pages: one file each, with everything inside it; no scripts, nothing from the network.

`document` is what every page begins with; `blocks` are tables, figures and sections, made by
Jinja2, which the extras `train` and `sim` bring.
"""
