//! Recognition.
