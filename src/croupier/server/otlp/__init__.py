"""The door for applications that push their metrics over OTLP/HTTP."""
