"""The web API, asked over real sockets of a real `blockctl serve`."""
