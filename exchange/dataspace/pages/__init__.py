"""Pages of data spaces, by what people do there."""
