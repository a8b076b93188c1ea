"""The machines: one pure `advance(state, event, now)` each. None knows another; `engine.routes` carries their emits."""
