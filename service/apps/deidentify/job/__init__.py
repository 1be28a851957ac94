"""Many notes: files in, files out, on this machine or on a Dask cluster; what was done before a stop is not done again.

Knows neither the command line nor the settings.
"""
