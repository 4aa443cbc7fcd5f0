//! The kernels by the name of the instruction set, for programs that choose it when they run.
//!
//! The compiler executes plans of any level with these; they are compiled once, here. An emitted crate names its
//! token and does without. Each function returns whether this CPU has the level; it did nothing where not.

use crate::isa::{self, Isa, Level};
use crate::kernel::{
    self, Add, ArgMax, AveragePool, ChannelTables, Convolution, Dense, Depthwise, Gate, Gated, MaxPool, Mean,
    Pointwise, Product, RealActivation, Resize, SoftmaxMap, Spread, Table,
};

/// Whether this CPU has the level.
pub fn has(level: Level) -> bool {
    struct Nothing;
    impl isa::Kernel for Nothing {
        type Output = ();
        #[inline(always)]
        fn run<I: Isa>(self, _: I) {}
    }
    with(level, Nothing).is_some()
}

/// Computes with the level's instruction set; `None` where this CPU lacks it.
pub fn with<K: isa::Kernel>(level: Level, kernel: K) -> Option<K::Output> {
    match level {
        Level::Portable => isa::Portable::detect().map(|isa| isa.run(kernel)),
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => isa::Avx2::detect().map(|isa| isa.run(kernel)),
        #[cfg(target_arch = "x86_64")]
        Level::AvxVnni => isa::AvxVnni::detect().map(|isa| isa.run(kernel)),
        #[cfg(target_arch = "x86_64")]
        Level::Avx512Vnni => isa::Avx512Vnni::detect().map(|isa| isa.run(kernel)),
        #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
        Level::Neon => isa::Neon::detect().map(|isa| isa.run(kernel)),
        #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
        Level::NeonDot => isa::NeonDot::detect().map(|isa| isa.run(kernel)),
        #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
        Level::I8mm => isa::I8mm::detect().map(|isa| isa.run(kernel)),
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        Level::Simd128 => isa::Simd128::detect().map(|isa| isa.run(kernel)),
        #[allow(unreachable_patterns, reason = "which levels are left depends on the architecture")]
        _ => None,
    }
}

macro_rules! dispatch {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $kind:ty),*);)*) => {$(
        $(#[$doc])*
        #[allow(clippy::too_many_arguments, reason = "the kernels' own arguments, and the level")]
        pub fn $name(level: Level, $($argument: $kind),*) -> bool {
            match level {
                Level::Portable => isa::Portable::detect().map(|isa| kernel::$name(isa, $($argument),*)).is_some(),
                #[cfg(target_arch = "x86_64")]
                Level::Avx2 => isa::Avx2::detect().map(|isa| kernel::$name(isa, $($argument),*)).is_some(),
                #[cfg(target_arch = "x86_64")]
                Level::AvxVnni => isa::AvxVnni::detect().map(|isa| kernel::$name(isa, $($argument),*)).is_some(),
                #[cfg(target_arch = "x86_64")]
                Level::Avx512Vnni => {
                    isa::Avx512Vnni::detect().map(|isa| kernel::$name(isa, $($argument),*)).is_some()
                }
                #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
                Level::Neon => isa::Neon::detect().map(|isa| kernel::$name(isa, $($argument),*)).is_some(),
                #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
                Level::NeonDot => isa::NeonDot::detect().map(|isa| kernel::$name(isa, $($argument),*)).is_some(),
                #[cfg(all(target_arch = "aarch64", target_feature = "neon"))]
                Level::I8mm => isa::I8mm::detect().map(|isa| kernel::$name(isa, $($argument),*)).is_some(),
                #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
                Level::Simd128 => isa::Simd128::detect().map(|isa| kernel::$name(isa, $($argument),*)).is_some(),
                #[allow(unreachable_patterns, reason = "which levels are left depends on the architecture")]
                _ => false,
            }
        }
    )*};
}

dispatch! {
    /// [`kernel::pointwise`].
    pointwise(layer: &Pointwise<'_>, input: &[u8], residual: &[u8], output: &mut [u8]);
    /// [`kernel::depthwise`].
    depthwise(layer: &Depthwise<'_>, input: &[u8], residual: &[u8], output: &mut [u8]);
    /// [`kernel::convolution`].
    convolution(layer: &Convolution<'_>, input: &[u8], residual: &[u8], scratch: &mut [u8], output: &mut [u8]);
    /// [`kernel::dense_codes`].
    dense_codes(layer: &Dense<'_>, input: &[u16], output: &mut [u16]);
    /// [`kernel::dense_reals`].
    dense_reals(layer: &Dense<'_>, activation: RealActivation, input: &[u16], output: &mut [f32]);
    /// [`kernel::mean`].
    mean(layer: &Mean<'_>, input: &[u8], output: &mut [u16]);
    /// [`kernel::gated`].
    gated(layer: &Gated<'_>, input: &[u8], gate: &[f32], residual: &[u8], scratch: &mut [u8], output: &mut [u8]);
    /// [`kernel::mean_reals`].
    mean_reals(layer: &Mean<'_>, input: &[u8], output: &mut [f32]);
    /// [`kernel::gate`].
    gate(layer: &Gate<'_>, input: &[u8], gate: &[f32], output: &mut [u8]);
    /// [`kernel::add`].
    add(layer: &Add<'_>, first: &[u8], second: &[u8], output: &mut [u8]);
    /// [`kernel::channel_tables`].
    channel_tables(layer: &ChannelTables<'_>, input: &[u8], output: &mut [u8]);
    /// [`kernel::resize`].
    resize(layer: &Resize<'_>, input: &[u8], output: &mut [u8]);
    /// [`kernel::average_pool`].
    average_pool(layer: &AveragePool<'_>, input: &[u8], output: &mut [u8]);
    /// [`kernel::product`].
    product(layer: &Product<'_>, first: &[u8], second: &[u8], output: &mut [u8]);
    /// [`kernel::spread`].
    spread(layer: &Spread<'_>, input: &[f32], output: &mut [u8]);
    /// [`kernel::arg_max`].
    arg_max(layer: &ArgMax<'_>, input: &[u8], output: &mut [u8]);
    /// [`kernel::softmax_map`].
    softmax_map(layer: &SoftmaxMap<'_>, input: &[u8], output: &mut [u8]);
    /// [`kernel::table`].
    table(layer: &Table<'_>, input: &[u8], output: &mut [u8]);
    /// [`kernel::max_pool`].
    max_pool(layer: &MaxPool, input: &[u8], output: &mut [u8]);
}
