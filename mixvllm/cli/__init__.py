"""The command line: parse, call one service, show its value, exit with its code."""
