//! What floats say: statistics of activations, and the observers that turn them into ranges.
