"""The live feed: which records changed, told to browsers the moment the read models show it."""
