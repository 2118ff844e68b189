"""The resolver without sockets or clock."""
