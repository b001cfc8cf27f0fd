"""The practice workspace as a page in the browser: a small Slack with the real bot in it, Model Studio beside it."""
