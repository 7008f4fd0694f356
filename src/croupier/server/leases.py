"""The lease as the server sees it: whether this control plane is the one that acts."""

from dataclasses import dataclass

from croupier.control.ports import Clock, Lease, Leases


@dataclass(slots=True)
class SeenLeases:
    """Leases, remembering whether we hold one: readiness says so."""

    inner: Leases
    held: Lease | None = None

    async def acquire(self, name: str, holder: str, ttl_s: float, now: float) -> Lease | None:
        """As ``Leases.acquire``."""
        self.held = await self.inner.acquire(name, holder, ttl_s, now)
        return self.held

    async def release(self, lease: Lease) -> None:
        """As ``Leases.release``."""
        self.held = None
        await self.inner.release(lease)

    def holding(self, clock: Clock) -> bool:
        """Whether this control plane acts now."""
        return self.held is not None and self.held.expires_at > clock.now()
