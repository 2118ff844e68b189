"""Example policies, one for each way of browsing; `blockctl init --strategy NAME` copies one."""
