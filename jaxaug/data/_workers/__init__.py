"""Worker processes that end with their consumer."""
