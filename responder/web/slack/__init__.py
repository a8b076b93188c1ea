"""Slack's way in: what it posts is proved to be Slack's (`door`), taken in (`http`), and done and answered (`desk`).

Socket Mode brings the same to the same desk, on a connection that is proved otherwise.
"""
