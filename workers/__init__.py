"""What runs: broker, steps, inbox, timers, command line."""
