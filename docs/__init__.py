"""The site: its own pages, and what makes it of these, of the READMEs and of the docstrings."""
