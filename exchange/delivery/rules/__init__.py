"""Pure rules of delivery: terms, signatures, byte ranges, marks; no database, no clock."""
