"""To and from other packages, each imported when it is used; probes go through `MEA.from_probe` and `MEA.to_probe`."""

from livn.interop.dataset import to_xarray
from livn.interop.neo_block import to_neo

__all__ = ["to_neo", "to_xarray"]
