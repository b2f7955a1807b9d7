"""How a comparison is shown: tables, Markdown, a drawing."""
