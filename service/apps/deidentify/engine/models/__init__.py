"""Models that find identifiers beside the rules."""
