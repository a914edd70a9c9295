"""The real world: the only home of SDKs, the wall clock and entropy."""
