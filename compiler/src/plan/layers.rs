//! A plan's kernels as layers of the runtime, with their constants.

use super::Kernel;
use super::bands::Choice;
use super::constants::{Constants, EpilogueSpans, Floats};
use bakelite_runtime::band::{Band, Layer};
use bakelite_runtime::kernel::{Convolution, Depthwise, Pointwise};
use bakelite_runtime::layer::{Activation, Epilogue};

/// Where layers have their constants from.
#[derive(Clone, Copy, Debug)]
pub struct Layers<'c>(pub &'c Constants);

impl<'c> Layers<'c> {
    /// Of [`Kernel::Pointwise`].
    pub fn pointwise(self, kernel: &Kernel) -> Option<Pointwise<'c>> {
        let Kernel::Pointwise { pixels, in_channels, out_channels, weights, epilogue, tile, ahead } = kernel else {
            return None;
        };
        Some(Pointwise {
            pixels: *pixels,
            in_channels: *in_channels,
            out_channels: *out_channels,
            weights: self.0.get_bytes(*weights),
            epilogue: self.epilogue(epilogue),
            tile: *tile,
            ahead: self.0.get_bytes(*ahead),
        })
    }

    /// Of [`Kernel::Depthwise`].
    pub fn depthwise(self, kernel: &Kernel) -> Option<Depthwise<'c>> {
        let Kernel::Depthwise { input, output, window, weights, pad_code, epilogue } = kernel else { return None };
        Some(Depthwise {
            input: *input,
            output: *output,
            window: *window,
            weights: self.0.get_bytes(*weights),
            pad_code: self.0.get_bytes(*pad_code),
            epilogue: self.epilogue(epilogue),
        })
    }

    /// Of [`Kernel::Convolution`].
    pub fn convolution(self, kernel: &Kernel) -> Option<Convolution<'c>> {
        let Kernel::Convolution { input, output, window, groups, weights, pad_code, epilogue } = kernel else {
            return None;
        };
        Some(Convolution {
            input: *input,
            output: *output,
            window: *window,
            groups: *groups,
            weights: self.0.get_bytes(*weights),
            pad_code: self.0.get_bytes(*pad_code),
            epilogue: self.epilogue(epilogue),
        })
    }

    /// Hands over the band of `choice`, which consists of these kernels.
    pub fn in_band<'k, T>(
        self,
        kernels: impl IntoIterator<Item = &'k Kernel>,
        choice: &Choice,
        see: impl FnOnce(&Band<'_>) -> T,
    ) -> T {
        /// A layer that outlives the list of them.
        enum Owned<'c> {
            Pointwise(Pointwise<'c>, usize),
            Depthwise(Depthwise<'c>),
            Convolution(Convolution<'c>),
        }
        let own = |(kernel, &width): (&Kernel, &usize)| {
            let pointwise = self.pointwise(kernel).map(|layer| Owned::Pointwise(layer, width));
            let depthwise = || self.depthwise(kernel).map(Owned::Depthwise);
            pointwise.or_else(depthwise).or_else(|| self.convolution(kernel).map(Owned::Convolution))
        };
        let owned: Vec<Owned<'_>> = kernels.into_iter().zip(&choice.widths).filter_map(own).collect();
        let layers: Vec<Layer<'_>> = owned
            .iter()
            .map(|layer| match layer {
                Owned::Pointwise(layer, width) => Layer::Pointwise(layer, *width),
                Owned::Depthwise(layer) => Layer::Depthwise(layer),
                Owned::Convolution(layer) => Layer::Convolution(layer),
            })
            .collect();
        see(&Band { layers: &layers, rows: choice.rows })
    }

    /// What follows the accumulator.
    pub fn activation(self, hard_swish: Option<&(Floats, Floats)>) -> Activation<'c> {
        match hard_swish {
            None => Activation::Linear,
            Some((half, zero)) => {
                Activation::HardSwish { half: self.0.get_floats(*half), zero: self.0.get_floats(*zero) }
            }
        }
    }

    /// From accumulator to codes.
    pub fn epilogue(self, e: &EpilogueSpans) -> Epilogue<'c> {
        Epilogue {
            offset: self.0.get_ints(e.offset),
            multiplier: self.0.get_floats(e.multiplier),
            bias: e.bias.map(|bias| self.0.get_floats(bias)),
            residual: e.residual.map(|r| self.0.get_floats(r)),
            activation: self.activation(e.hard_swish.as_ref()),
            fine: e.fine,
            fine_residual: e.fine_residual,
            shift: e.shift.map(|shift| self.0.get_ints(shift)),
        }
    }
}
