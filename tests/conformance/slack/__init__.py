"""The fake Slack, driven by Slack's own SDK as it is documented: what it takes, what it refuses, and what it sends."""
