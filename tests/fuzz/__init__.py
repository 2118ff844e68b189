"""Coverage-guided fuzzing: `make fuzz SECONDS=1800`. The ordinary tests replay what it found (tests/test_corpus.py)."""
