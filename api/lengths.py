"""How many characters a text may have, whichever way it comes in.

What names something stands in indexes, which take 2,704 bytes: pipeline, stage and owner of a deal side by side.
"""

NAME = 200
TITLE = 500
"""Of a line of an order or invoice."""
EMAIL = 320
TEXT = 2_000
FORM_VALUE = 10_000
