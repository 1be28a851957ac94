"""De-identification: text in, text and spans out.

Knows neither the web nor the settings, and never asks the network.
"""

from service.deidentify.engine import About, Engine, Result
from service.deidentify.replacement import Numbering, Replacement
from service.deidentify.rules import Kind
from service.deidentify.spans import Span

__all__ = ["About", "Engine", "Kind", "Numbering", "Replacement", "Result", "Span"]
