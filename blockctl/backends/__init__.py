"""Rules to output and gaps, one file per engine. Nothing here opens a file or knows a list format."""
