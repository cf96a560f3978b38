"""How clips are sold: plain functions per noun, and two doors to them (api, web)."""
