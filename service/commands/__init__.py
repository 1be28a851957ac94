"""What `python -P -m service` does with arguments: work at a terminal, beside serving."""
