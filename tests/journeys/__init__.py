"""Journeys: whole stories with real processes, judged by ledgers that live outside of them."""
