"""The nouns and what they mean. Nothing here opens a file, knows a format or an engine."""
