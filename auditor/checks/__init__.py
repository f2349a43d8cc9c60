"""The rooms: one file, one question. A room registers itself when it is imported.

Nothing is imported here, so that who needs one room pays for one.
"""
