"""The kit of all command lines, which eval, hub and benchmarks use too: programs, arguments, progress."""
