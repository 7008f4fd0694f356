"""What moves players: one folder per data plane, each an implementation of ``control.ports.TrafficRouter``."""
