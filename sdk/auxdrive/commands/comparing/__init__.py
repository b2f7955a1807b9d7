"""How a comparison is shown: as tables, in Markdown, and as a plot."""
