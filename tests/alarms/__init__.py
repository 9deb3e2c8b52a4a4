"""The alarm life cycle: its table, the engine that walks it, and what people may do."""
