"""The nouns of Pericope: records, units, keys, Arrow schemas and errors."""
