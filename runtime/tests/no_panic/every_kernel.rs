//! Every kernel with every instruction set of the target, as an emitted crate calls them. Compiled by `no_panic.rs`.
#![no_std]

use bakelite_runtime::isa::{self, Isa};
use bakelite_runtime::kernel::{self, RealActivation, RealFunction};
use bakelite_runtime::{arena, blob};

pub static FLOATS: [f32; 2] = blob::f32s(&[0, 0, 128, 63, 0, 0, 0, 64]);
pub static PIECE: &[u8] = blob::slice(&[1, 2, 3], 1, 2);

pub struct Layers<'a> {
    pointwise: kernel::Pointwise<'a>,
    depthwise: kernel::Depthwise<'a>,
    convolution: kernel::Convolution<'a>,
    dense: kernel::Dense<'a>,
    gated: kernel::Gated<'a>,
    mean: kernel::Mean<'a>,
    gate: kernel::Gate<'a>,
    add: kernel::Add<'a>,
    rearrange: kernel::Rearrange<'a>,
    resize: kernel::Resize<'a>,
    average_pool: kernel::AveragePool<'a>,
    product: kernel::Product<'a>,
    spread: kernel::Spread<'a>,
    arg_max: kernel::ArgMax<'a>,
    softmax_map: kernel::SoftmaxMap<'a>,
    channel_tables: kernel::ChannelTables<'a>,
    dequantize: kernel::Dequantize<'a>,
    quantize: kernel::Quantize<'a>,
    line: kernel::RealLine<'a>,
    function: RealFunction,
    table: kernel::Table<'a>,
    max_pool: kernel::MaxPool,
    activation: RealActivation,
    ranges: [(usize, usize); 4],
}

#[inline(always)]
fn all<I: Isa>(isa: I, layers: &Layers<'_>, arena: &mut [u8], wide: [&mut [u16]; 2], reals: [&mut [f32]; 2]) {
    let [a, b, c, d] = arena::split(arena, layers.ranges);
    let [a, b, c, d] = [a, b, c, d];
    let [w0, w1] = wide;
    let [r0, r1] = reals;
    kernel::pointwise(isa, &layers.pointwise, a, b, c);
    kernel::depthwise(isa, &layers.depthwise, c, b, a);
    kernel::convolution(isa, &layers.convolution, a, b, d, c);
    kernel::mean(isa, &layers.mean, a, w0);
    kernel::mean_reals(isa, &layers.mean, a, r0);
    kernel::dense_codes(isa, &layers.dense, w0, w1);
    kernel::dense_reals(isa, &layers.dense, layers.activation, w0, r0);
    kernel::gate(isa, &layers.gate, a, r0, b);
    kernel::gated(isa, &layers.gated, a, r0, b, d, c);
    kernel::add(isa, &layers.add, a, b, c);
    kernel::rearrange(&layers.rearrange, &[&*a, &*b], c);
    kernel::rearrange(&layers.rearrange, &[&*r0], r1);
    kernel::resize(isa, &layers.resize, a, b);
    kernel::average_pool(isa, &layers.average_pool, a, b);
    kernel::product(isa, &layers.product, a, b, c);
    kernel::spread(isa, &layers.spread, r0, b);
    kernel::arg_max(isa, &layers.arg_max, a, b);
    kernel::softmax_map(isa, &layers.softmax_map, a, b);
    kernel::channel_tables(isa, &layers.channel_tables, a, b);
    kernel::dequantize(&layers.dequantize, &*a, r0);
    kernel::dequantize(&layers.dequantize, &*w0, r0);
    kernel::quantize(&layers.quantize, r0, w0);
    kernel::real_line(&layers.line, r0, r1);
    kernel::real_function(layers.function, r0, r1);
    kernel::table(isa, &layers.table, a, b);
    kernel::max_pool(isa, &layers.max_pool, a, b);
    kernel::softmax(r0, r1);
}

macro_rules! entry {
    ($name:ident, $token:ty) => {
        #[inline(never)]
        pub fn $name(
            isa: $token,
            layers: &Layers<'_>,
            arena: &mut [u8],
            wide: [&mut [u16]; 2],
            reals: [&mut [f32]; 2],
        ) {
            all(isa, layers, arena, wide, reals);
        }
    };
}

entry!(portable, isa::Portable);
#[cfg(target_arch = "x86_64")]
entry!(avx2, isa::Avx2);
#[cfg(target_arch = "x86_64")]
entry!(avxvnni, isa::AvxVnni);
#[cfg(target_arch = "x86_64")]
entry!(avx512vnni, isa::Avx512Vnni);
#[cfg(target_arch = "aarch64")]
entry!(neon, isa::Neon);
#[cfg(target_arch = "aarch64")]
entry!(neondot, isa::NeonDot);
#[cfg(target_arch = "aarch64")]
entry!(i8mm, isa::I8mm);
