"""How media is done: paths and plain values in, plain values out. Imports nothing else of ours."""
