"""Pages of broking."""
