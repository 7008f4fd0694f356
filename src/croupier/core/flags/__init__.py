"""Feature flags: declared, checked, turned into lines for clients, and evaluated there."""
