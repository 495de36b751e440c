"""Numbers, tables and pictures of decisions; nothing here runs a network."""
