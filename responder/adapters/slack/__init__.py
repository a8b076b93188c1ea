"""Slack's Web API: one app in one workspace, its limits and its errors. What is said there is its users'."""
