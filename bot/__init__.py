"""Understudy: a Slack bot that has a character perform what the person in a video does."""
