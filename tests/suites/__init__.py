"""Runs the test suites of others with clew in place: ``python -m tests.suites``.

Each suite comes from its project's source distribution and runs twice, plain and with clew
mounted under whatever applications, clients or formatters it makes. What passes plain passes with
clew, or `listed.txt` has a line with the reason. Then the log that clew wrote is checked.
"""
