"""Everything that speaks to Slack, and every sentence the bot says there."""
