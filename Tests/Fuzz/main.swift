import Glibc

exit(runFuzzer(CommandLine.arguments))
