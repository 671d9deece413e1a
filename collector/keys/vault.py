"""The keys of one meter in the store, as an order changes them."""

from __future__ import annotations

from collections.abc import Callable

from collector.nodes.store_line import StoreLine
from model.clock import Clock
from storage import meter_keys
from storage.meter_keys import Deed, KeyPair, StoredKeys
from storage.order_claims import Holder
from storage.orders import Order

Wrap = Callable[[bytes], bytes]


class StoredVault:
    """See `collector.exchange.rotating.Vault`; `last` are the keys as they were last seen or changed."""

    def __init__(
        self, store: StoreLine, order: Order, holder: Holder, clock: Clock, wrap: Wrap, unwrap: Wrap
    ) -> None:
        self._store, self._order, self._holder, self._clock = store, order, holder, clock
        self._wrap, self._unwrap = wrap, unwrap
        self.last: StoredKeys | None = None

    @property
    def _deed(self) -> Deed:
        return Deed(self._holder.login, self._clock(), self._order.serial, self._order.id)

    async def keys(self) -> StoredKeys:
        """As they stand."""
        order = self._order
        async with self._store.turn() as conn:
            self.last = await meter_keys.of_meter(conn, order.meter_id, order.serial, self._unwrap)
        return self.last

    async def propose(self, pair: KeyPair) -> bool:
        """Keep these as pending."""
        async with self._store.turn() as conn:
            done = await meter_keys.propose(conn, self._order.meter_id, pair, self._wrap, self._deed)
        await self.keys()
        return done

    async def adopt(self, pair: KeyPair) -> bool:
        """These are the current ones."""
        async with self._store.turn() as conn:
            done = await meter_keys.adopt(conn, self._order.meter_id, pair, self._wrap, self._deed)
        await self.keys()
        return done

    async def give_up(self) -> bool:
        """What was pending is put aside."""
        async with self._store.turn() as conn:
            done = await meter_keys.give_up(conn, self._order.meter_id, self._deed)
        await self.keys()
        return done

    async def changed(self) -> bool:
        """Whether this order has changed the keys already."""
        async with self._store.turn() as conn:
            return await meter_keys.changed_by(conn, self._deed)
