"""`python -m blockctl`."""

from blockctl.cli.main import main

main()
