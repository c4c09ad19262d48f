"""`python -m openiwd` is the command `openiwd`."""

from openiwd.cli.main import run

if __name__ == "__main__":
    run()
