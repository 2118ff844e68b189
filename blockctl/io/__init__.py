"""The rim: files, downloads, the clock. Decides nothing."""
