"""What readers of the original examples do, in their order, against a running service."""
