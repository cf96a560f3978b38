"""Speech to words: where somebody speaks, the two engines, and how the whisper model is got."""
