//! Shops and what they recommend.
