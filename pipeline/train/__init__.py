"""Makes the model of `pipeline/sounds.py`. Needs a folder of free sounds; never runs in production."""
