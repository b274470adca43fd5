"""A Django project with the application of the contract."""
