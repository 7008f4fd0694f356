"""Where counts come from: the embedded scraper here; other sources get a folder or file of their own."""
