"""What bench/run and the cases share. Standard library only: it runs under Debian's own python3."""
