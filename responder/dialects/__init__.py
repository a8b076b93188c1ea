"""What strangers speak, and what is said to people: payload → record, record → message. Pure; no I/O, no clock."""
