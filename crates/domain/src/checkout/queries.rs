//! Buying, read.
