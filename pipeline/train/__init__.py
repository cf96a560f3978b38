"""Makes the model of `pipeline/sounds.py`, from a folder of free sounds. Not used when running."""
