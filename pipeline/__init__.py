"""How media is done: paths and plain values in, plain values out. Imports nothing else of ours."""

import os

# onnxruntime, which listens for speech, sends usage data unless it is told not to before import.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
