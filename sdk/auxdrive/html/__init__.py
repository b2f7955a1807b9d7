"""HTML pages: each is one file with everything in it, without scripts, and loads nothing.

`document` is the beginning of every page. `blocks` are tables, figures and sections, made by
Jinja2, which the extras `train` and `sim` bring.
"""
