"""Members: what can be joined, who joined, what it costs and what it gives."""
