"""Turn a request, coming in or going out, into its HTTPLog."""
