"""Tables: CSV, TSV, NDJSON and Parquet, of which some columns hold notes and all others are written as they are."""
