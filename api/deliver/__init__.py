"""What follows from events by itself: planned and sent by the role `deliver`, once, and never by a replay."""
