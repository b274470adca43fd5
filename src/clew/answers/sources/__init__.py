"""How lines come back from where they were, and how neighbours write theirs.

A line is clew's own, or it stands in a wrapping (`prefixes`, `wrappings`), or in a document
(`documents`), or has a form that others write (`forms`). A new wrapping or form is one entry there,
and its sample, in ``tests/answers/sources``, is its test. The `Parser` makes clew's own lines of
all of them.
"""
