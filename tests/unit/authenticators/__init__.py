"""What runs in the Hub's process for its accounts."""
