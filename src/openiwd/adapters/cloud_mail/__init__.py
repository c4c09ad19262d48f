"""Gmail and Microsoft Graph over HTTPS: mail read and sent, and the tokens for it."""
