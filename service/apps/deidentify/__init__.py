"""De-identification: text in, text and spans out.

Knows neither the web nor the settings, and never asks the network. Import from the files: the Hub's process reads
`service.apps.deidentify.manifest`, where the extra `deidentify` need not be installed.
"""
