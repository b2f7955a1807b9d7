"""What every HTML page of auxdrive begins with. A page stands alone: it loads nothing and runs
nothing, whatever slips into its text.
"""

from __future__ import annotations

from html import escape

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""Pictures from data URIs and the page's own style are all there is; a browser refuses the rest."""


def head(title: str, style: str) -> str:
    """The head's content: encoding, policy, title and style (that no foreign text may enter)."""
    return (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f"<title>{escape(title)}</title><style>{style}</style>"
    )


def encoded(page: str) -> bytes:
    """The page in UTF-8; bytes of names that are none are shown as escapes."""
    return page.encode("utf-8", "backslashreplace")
