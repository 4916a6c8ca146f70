//! Parcels and returns.
