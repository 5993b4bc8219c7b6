"""Label Studio's formats: labeling configs and results, read and checked. No tables, no app."""
