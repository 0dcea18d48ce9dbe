"""The program. Spawned workers import it again, and have no use for the command line."""


def main() -> None:
    from odebench.cli import main

    main()


if __name__ == "__main__":
    main()
