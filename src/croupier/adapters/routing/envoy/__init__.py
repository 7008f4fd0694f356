"""The embedded data plane: Envoy as a supervised process, fed by files, confirmed through its admin socket.

``docs/explanation/traffic.md`` says how and why. Only ``server.app`` builds the router.
"""

from croupier.adapters.routing.envoy.router import EnvoyRouter
from croupier.adapters.routing.envoy.settings import EnvoySettings

__all__ = ["EnvoyRouter", "EnvoySettings"]
