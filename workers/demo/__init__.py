"""The recording that `make demo` works on: a drawn match with known goals, made on the spot."""
