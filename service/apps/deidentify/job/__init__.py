"""De-identifies files of notes, on this machine or on a Dask cluster. A job that was stopped continues where it was.

Does not depend on the command line or the settings.
"""
