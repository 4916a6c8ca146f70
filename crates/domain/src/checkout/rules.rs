//! What buying costs and what stands in its way: pure decisions.
