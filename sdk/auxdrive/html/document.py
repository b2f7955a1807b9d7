"""The beginning of every HTML page of auxdrive. A page is complete in itself: it loads nothing and
runs nothing, whatever may get into its text.
"""

from __future__ import annotations

from html import escape

from auxdrive.inspection.palette import FAINT, INK, RIGHT, SOFT, WRONG, css

POLICY = "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'"
"""The content security policy: a browser accepts only images and videos in data URIs and the page's
style.
"""
LARGEST_PAGE = 24 << 20
"""Bytes of a page that holds its images: who makes one leaves out what is beyond."""
STYLE = (
    f"""
:root {{ --ink: {css(INK)}; --bad: {WRONG}; --good: {RIGHT}; --soft: {css(SOFT)};
        --line: {css(FAINT)}; --paper: #ffffff; --shade: #f4f6f9 }}
"""
    + """
* { box-sizing: border-box }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; color: var(--ink); background: var(--paper);
       font: 16px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .3rem; overflow-wrap: anywhere }
h2 { font-size: 1.25rem; margin: 2.4rem 0 .6rem; padding-top: .8rem;
     border-top: 1px solid var(--line); overflow-wrap: anywhere }
h3 { font-size: 1rem; margin: 1.2rem 0 .4rem }
p { margin: .4rem 0 .8rem; max-width: 46rem; overflow-wrap: anywhere }
table { border-collapse: collapse; margin: .6rem 0 1.2rem; font-variant-numeric: tabular-nums }
th, td { padding: .32rem .65rem; text-align: right; border-bottom: 1px solid var(--line);
         vertical-align: top }
th { color: var(--soft); font-weight: 600; font-size: .86rem; vertical-align: bottom }
td { font-size: .94rem }
th:first-child, td:first-child, th.text, td.text { text-align: left }
.wide { overflow-x: auto; max-width: 100% } .wide th, .wide td { white-space: nowrap }
figure { margin: .8rem 0 } figcaption { color: var(--soft); font-size: .86rem; margin-top: .25rem }
.soft { color: var(--soft) } .bad { color: var(--bad) } .good { color: var(--good) }
.key { display: inline-flex; align-items: center; gap: .35rem; margin-right: 1rem;
       font-size: .85rem }
.swatch { display: inline-block; width: 1.1rem; height: .8rem; border: 1px solid var(--soft) }
.swatch.wide { width: 6rem }
"""
)
"""The style of all pages, to which each adds rules of its own."""


def head(title: str, style: str) -> str:
    """The content of a page's head: encoding, policy, title and style.

    Args:
        title: of the page; any text.
        style: CSS. It is not escaped, so it must hold no text from elsewhere.
    """
    return (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f"<title>{escape(title)}</title><style>{style}</style>"
    )


def encoded(page: str) -> bytes:
    """A page in UTF-8. Bytes in file names that are no UTF-8 are shown as escapes."""
    return page.encode("utf-8", "backslashreplace")
