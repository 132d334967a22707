"""The pipeline board: what stands where, for how long, and how it moves on."""
