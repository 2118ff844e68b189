"""The policy text: read it, edit it, merge it with the lists. Knows no list format and no engine."""
