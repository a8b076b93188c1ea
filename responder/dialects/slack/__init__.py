"""Slack's language, both ways: payloads become what a person said, records become blocks. Pure, like every dialect."""
