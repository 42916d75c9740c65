"""`python -m tendon_outcomes` is the command `tendon-outcomes`."""

from tendon_outcomes.cli import main

if __name__ == "__main__":
    main()
