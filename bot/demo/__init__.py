"""The practice workspace: stand-ins for the services the bot talks to, and the people who use it."""
