"""`python -m livn` is `livn`."""

from livn.cli import main

main()
