//! Which weights each pointwise convolution brings near while it computes.
//!
//! Weights lie in the order in which they are read, so *near* is one position in them. Dense layers wait for memory: their
//! weights are read once, and there are more of them than any cache keeps from one image to the next. A pointwise
//! convolution leaves memory idle. So it reads ahead of itself, at a rate that does not slow it, and as far as the second
//! cache has room beside the maps:
//!
//! ```text
//! near ≥ end of own weights
//! ahead = near … min(near + macs · RATE, end of own weights + WINDOW − maps)
//! ```

use super::Kernel;
use super::constants::Bytes;

/// Bytes per multiply-accumulate, as a fraction: about 20 GB/s beside 200 G multiply-accumulates per second.
const RATE: (usize, usize) = (1, 10);

/// Bytes that may wait in the second cache, less what maps take of it.
const WINDOW: usize = 640 << 10;

/// Fills in what each pointwise convolution reads ahead; `len` is the number of bytes of all weights.
pub fn schedule(kernels: &mut [Kernel], len: usize) {
    let mut near = 0;
    for kernel in kernels {
        if let Some(own) = weights(kernel) {
            near = near.max(own.start + own.len);
        }
        let macs = kernel.macs();
        if let Kernel::Pointwise { pixels, in_channels, out_channels, weights, ahead, .. } = kernel {
            let room = WINDOW.saturating_sub(*pixels * (*in_channels + *out_channels));
            let end = (near + macs * RATE.0 / RATE.1).min(weights.start + weights.len + room).min(len);
            *ahead = Bytes { start: near, len: end.saturating_sub(near) };
            near = near.max(end);
        }
    }
}

/// The packed weights of a step.
pub fn weights(kernel: &Kernel) -> Option<Bytes> {
    match kernel {
        Kernel::Pointwise { weights, .. }
        | Kernel::Depthwise { weights, .. }
        | Kernel::Convolution { weights, .. }
        | Kernel::Gated { weights, .. }
        | Kernel::Dense { weights, .. } => Some(*weights),
        Kernel::Mean { .. }
        | Kernel::Gate { .. }
        | Kernel::Add { .. }
        | Kernel::Weightless { .. }
        | Kernel::Table { .. }
        | Kernel::MaxPool { .. }
        | Kernel::Softmax { .. } => None,
    }
}
