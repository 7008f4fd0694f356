from pathlib import Path

import pytest

from croupier.adapters.routing.envoy import EnvoyRouter, EnvoySettings
from croupier.adapters.routing.envoy.admin import Admin
from croupier.errors import Transient


async def test_nobody_there_is_transient(tmp_path: Path) -> None:
    admin = Admin(tmp_path / "admin.sock")
    assert not await admin.live()
    for question in (admin.xds_state, admin.route_config, admin.requests_in_flight, admin.drain):
        with pytest.raises(Transient, match="does not answer on its admin socket"):
            await question()
    await admin.close()


@pytest.mark.envoy
async def test_what_envoy_has_taken_and_does(router: EnvoyRouter, settings: EnvoySettings) -> None:
    admin = Admin(settings.admin_socket)
    assert await admin.live()
    state = await admin.xds_state()
    assert (state.cds.version, state.rds.version, state.cds.refused, state.rds.refused) == ("0", "0", 0, 0)
    assert state.settled
    assert state.same_versions(await admin.xds_state())
    assert await admin.requests_in_flight() == 0
    assert await admin.refusal("dynamic_route_configs") == ""
    config = await admin.route_config()
    assert config
    assert config["validate_clusters"] is True
    with pytest.raises(Transient, match="answered 403"):
        await admin._request("GET", "/certs")
    await admin.close()
