"""The demo: the year of a small made-up business, told through the same commands as everybody's, and going on."""
