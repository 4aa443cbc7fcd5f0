//! Maximum pooling (eq. 18): the largest code under the window; taps outside do not count.

use super::convolution::tap;
use crate::isa::{Isa, Kernel};
use crate::layer::{Shape, Window};

/// Maximum over a window. An output pixel whose taps are all outside is zero.
#[derive(Clone, Copy, Debug)]
pub struct MaxPool {
    /// The input map.
    pub input: Shape,
    /// The output map, of as many channels.
    pub output: Shape,
    /// Taps, stride, dilation, padding.
    pub window: Window,
}

/// `input` and `output` are the maps.
#[inline]
pub fn max_pool<I: Isa>(isa: I, layer: &MaxPool, input: &[u8], output: &mut [u8]) {
    isa.run(Run { layer, input, output });
}

struct Run<'a> {
    layer: &'a MaxPool,
    input: &'a [u8],
    output: &'a mut [u8],
}

impl Kernel for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn run<I: Isa>(self, _: I) {
        let Self { layer, input, output } = self;
        let Shape { height, width, channels } = layer.input;
        if channels == 0
            || layer.output.channels != channels
            || input.len() < layer.input.len()
            || output.len() < layer.output.len()
        {
            return;
        }
        let mut rest = output;
        for pixel in 0..layer.output.pixels() {
            let Some((to, left)) = rest.split_at_mut_checked(channels) else { return };
            rest = left;
            let (Some(oy), Some(ox)) = (pixel.checked_div(layer.output.width), pixel.checked_rem(layer.output.width))
            else {
                return;
            };
            to.fill(0);
            for ky in 0..layer.window.kernel[0] {
                let Some(y) = tap(&layer.window, 0, height, oy, ky) else { continue };
                for kx in 0..layer.window.kernel[1] {
                    let Some(x) = tap(&layer.window, 1, width, ox, kx) else { continue };
                    for (to, from) in to.iter_mut().zip(input.get((y * width + x) * channels..).unwrap_or(&[])) {
                        *to = (*to).max(*from);
                    }
                }
            }
        }
    }
}
