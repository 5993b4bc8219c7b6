"""Pure parts of profiles: what facts look like, personal information, likeness, quality, spans and boxes."""
