"""Places that recordings and their texts come from, behind one protocol."""
