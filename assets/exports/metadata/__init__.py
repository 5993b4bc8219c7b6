"""A version told in the field's own vocabularies: pure documents of plain facts, no database, no clock."""
