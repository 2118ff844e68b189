"""List text to rules and diagnostics, one file per format. Nothing here opens a file or knows an engine."""
