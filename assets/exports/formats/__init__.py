"""The forms in which a version is handed out: pure writers of rows, no database, no clock."""
