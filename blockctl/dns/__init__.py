"""The resolver without sockets or clock: bytes and clock readings in, replies and forwards out."""
