//! Invariants of the engine as properties, and mistakes planted to show that each property bites.
