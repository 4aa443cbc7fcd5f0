//! Where the error comes from.

pub mod mixed;
