"""The key of visitors' cookies: made at the first start, beside the admin token, for its owner alone.

The edge gets the public half; the private one is for the service that greets visitors. Called by ``app``.
"""

import json
from pathlib import Path
from secrets import token_hex

from croupier.errors import Rejected
from croupier.server.home import write_secret


def ensure_key(path: Path) -> None:
    """Make the key where there is none. Raises ``Rejected`` where the library for it is not installed."""
    if path.exists():
        return
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from jwt.algorithms import OKPAlgorithm
    except ImportError:
        raise Rejected(
            "CROUPIER_EDGE_VISITORS needs a library that is not installed.", hint="Install croupier[server,edge]."
        ) from None
    key = OKPAlgorithm.to_jwk(Ed25519PrivateKey.generate(), as_dict=True)
    write_secret(path, json.dumps({"keys": [{**key, "kid": token_hex(4), "alg": "EdDSA", "use": "sig"}]}))
