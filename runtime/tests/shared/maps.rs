//! Layers without weights: maps moved, resized, averaged, multiplied; vectors in reals.

use super::{Fill, Random, bits, codes, constants, differ, output};
use bakelite_runtime::isa::Isa;
use bakelite_runtime::kernel::{self, Part, RealFunction};
use bakelite_runtime::layer::{Shape, Window};
use bakelite_runtime::reference;

/// Two positions and a share for each of `to` positions of an extent of `from`.
fn table(random: &mut Random, from: usize, to: usize) -> (Vec<i32>, Vec<f32>) {
    let mut shares: Vec<f32> = (0..to).map(|_| random.real(0.0, 1.0)).collect();
    shares[0] = 0.0;
    shares[to - 1] = 1.0;
    let places = (0..to).flat_map(|_| {
        let first = random.below(from);
        [first as i32, (first + random.below(2)).min(from - 1) as i32]
    });
    (places.collect(), shares)
}

pub fn resize<I: Isa>(isa: I, input: Shape, [height, width]: [usize; 2], fine: bool, fill: Fill) {
    let random = &mut Random::new((input.len() + 31 * height + width) as u64);
    let (rows, row_shares) = table(random, input.height, height);
    let (columns, column_shares) = table(random, input.width, width);
    let layer = kernel::Resize {
        input,
        output: Shape { height, width, ..input },
        fine,
        rows: &rows,
        row_shares: &row_shares,
        columns: &columns,
        column_shares: &column_shares,
    };
    let planes = if fine { 2 } else { 1 };
    let x = codes(random, fill, planes * input.len());
    let (mut ours, mut right) = (vec![77; planes * layer.output.len()], vec![0; planes * layer.output.len()]);
    reference::resize(&layer, &x, &mut right);
    kernel::resize(isa, &layer, &x, &mut ours);
    differ(&ours, &right, &("resize", I::LEVEL, input, height, width, fine, fill));
}

pub fn average_pool<I: Isa>(isa: I, input: Shape, window: Window, fill: Fill) {
    let random = &mut Random::new((input.len() + window.taps()) as u64);
    let n = input.channels;
    let zero = constants(n, || random.below(256) as f32);
    let multiplier = constants(n, || random.real(0.3, 2.0));
    let bias = constants(n, || random.real(0.0, 255.0));
    for count_pad in [false, true] {
        let layer = kernel::AveragePool {
            input,
            output: output(input, &window, n),
            window,
            count_pad,
            zero: &zero,
            multiplier: &multiplier,
            bias: &bias,
        };
        let x = codes(random, fill, input.len());
        let (mut ours, mut right) = (vec![77; layer.output.len()], vec![0; layer.output.len()]);
        reference::average_pool(&layer, &x, &mut right);
        kernel::average_pool(isa, &layer, &x, &mut ours);
        differ(&ours, &right, &("average_pool", I::LEVEL, input, window, count_pad, fill));
    }
}

pub fn product<I: Isa>(isa: I, shape: Shape, fill: Fill) {
    let random = &mut Random::new(shape.len() as u64);
    let n = shape.channels;
    let [first_zero, second_zero] = [(); 2].map(|()| constants(n, || random.below(256) as f32));
    let multiplier = constants(n, || random.real(-1.0, 1.0) / 100.0);
    let bias = constants(n, || random.real(0.0, 255.0));
    for second_channels in [n, 1] {
        let layer = kernel::Product {
            shape,
            second_channels,
            first_zero: &first_zero,
            second_zero: &second_zero,
            multiplier: &multiplier,
            bias: &bias,
        };
        let x = [codes(random, fill, shape.len()), codes(random, Fill::Random, shape.pixels() * second_channels)];
        let (mut ours, mut right) = (vec![77; shape.len()], vec![0; shape.len()]);
        reference::product(&layer, &x[0], &x[1], &mut right);
        kernel::product(isa, &layer, &x[0], &x[1], &mut ours);
        differ(&ours, &right, &("product", I::LEVEL, shape, second_channels, fill));
    }
}

pub fn spread<I: Isa>(isa: I, output: Shape) {
    let random = &mut Random::new(output.len() as u64);
    let n = output.channels;
    let multiplier = constants(n, || random.real(-10.0, 100.0));
    let bias = constants(n, || random.real(0.0, 255.0));
    let layer = kernel::Spread { output, multiplier: &multiplier, bias: &bias };
    let x: Vec<f32> = (0..n).map(|_| random.real(-3.0, 3.0)).collect();
    let (mut ours, mut right) = (vec![77; output.len()], vec![0; output.len()]);
    reference::spread(&layer, &x, &mut right);
    kernel::spread(isa, &layer, &x, &mut ours);
    differ(&ours, &right, &("spread", I::LEVEL, output));
}

pub fn arg_max<I: Isa>(isa: I, input: Shape, fill: Fill) {
    let random = &mut Random::new(input.len() as u64);
    let n = input.channels;
    for same in [false, true] {
        let scale = constants(n, || if same { 0.5 } else { random.real(0.5, 1.5) });
        let zero = constants(n, || if same { 3.0 } else { random.below(200) as f32 });
        let layer = kernel::ArgMax { input, scale: &scale, zero: &zero };
        let x = codes(random, fill, input.len());
        let (mut ours, mut right) = (vec![77; input.pixels()], vec![0; input.pixels()]);
        reference::arg_max(&layer, &x, &mut right);
        kernel::arg_max(isa, &layer, &x, &mut ours);
        differ(&ours, &right, &("arg_max", I::LEVEL, input, fill));
    }
}

pub fn softmax_map<I: Isa>(isa: I, shape: Shape, fill: Fill) {
    let random = &mut Random::new(shape.len() as u64);
    let n = shape.channels;
    let scale = constants(n, || random.real(0.01, 0.2));
    let zero = constants(n, || random.below(200) as f32);
    let layer = kernel::SoftmaxMap { shape, scale: &scale, zero: &zero };
    let x = codes(random, fill, shape.len());
    let (mut ours, mut right) = (vec![77; shape.len()], vec![0; shape.len()]);
    reference::softmax_map(&layer, &x, &mut right);
    kernel::softmax_map(isa, &layer, &x, &mut ours);
    differ(&ours, &right, &("softmax_map", I::LEVEL, shape, fill));
}

pub fn channel_tables<I: Isa>(isa: I, shape: Shape) {
    let random = &mut Random::new(shape.len() as u64);
    let tables = codes(random, Fill::Random, 256 * shape.channels);
    let layer = kernel::ChannelTables { shape, tables: &tables };
    let x = codes(random, Fill::Random, shape.len());
    let (mut ours, mut right) = (vec![77; shape.len()], vec![0; shape.len()]);
    reference::channel_tables(&layer, &x, &mut right);
    kernel::channel_tables(isa, &layer, &x, &mut ours);
    differ(&ours, &right, &("channel_tables", I::LEVEL, shape));
}

/// Each input is read at random places of its own size.
pub fn rearrange(output: Shape, inputs: usize) {
    let random = &mut Random::new((output.len() + inputs) as u64);
    let n = output.channels;
    let x: Vec<Vec<u8>> = (0..inputs).map(|_| codes(random, Fill::Random, 3 * output.len())).collect();
    let rows: Vec<i32> = (0..output.height).map(|_| random.below(output.len()) as i32).collect();
    let columns: Vec<i32> = (0..output.width).map(|_| random.below(output.len()) as i32).collect();
    let runs: Vec<Vec<[i32; 3]>> = (0..inputs)
        .map(|i| {
            let (from, to) = (i * n / inputs, (i + 1) * n / inputs);
            let middle = from + random.below(to - from + 1);
            let run = |a: usize, b: usize| [0, a as i32, (b - a) as i32];
            vec![run(from, middle), run(middle, to)]
        })
        .collect();
    let parts: Vec<Part<'_>> = runs.iter().map(|runs| Part { rows: &rows, columns: &columns, runs }).collect();
    let layer = kernel::Rearrange { output, parts: &parts };
    let x: Vec<&[u8]> = x.iter().map(Vec::as_slice).collect();
    let (mut ours, mut right) = (vec![77; output.len()], vec![0; output.len()]);
    reference::rearrange(&layer, &x, &mut right);
    kernel::rearrange(&layer, &x, &mut ours);
    differ(&ours, &right, &("rearrange", output, inputs));
}

pub fn vectors(len: usize) {
    let random = &mut Random::new(len as u64);
    let scale = constants(len, || random.real(0.01, 2.0));
    let zero = constants(len, || random.below(255) as f32);
    let wide: Vec<u16> = (0..len).map(|_| random.below(4096) as u16).collect();
    let map = codes(random, Fill::Random, len);
    let layer = kernel::Dequantize { scale: &scale, zero: &zero };
    let (mut ours, mut right) = (vec![7.0; len], vec![0.0; len]);
    let same = |ours: &mut [f32], right: &mut [f32], what: &str| differ(&bits(ours), &bits(right), &(what, len));
    reference::dequantize(&layer, &map, &mut right);
    kernel::dequantize(&layer, &map, &mut ours);
    same(&mut ours, &mut right, "dequantize");
    reference::dequantize(&layer, &wide, &mut right);
    kernel::dequantize(&layer, &wide, &mut ours);
    same(&mut ours, &mut right, "dequantize");
    let x: Vec<f32> = (0..len).map(|_| random.real(-9.0, 9.0)).collect();
    let other: Vec<f32> = (0..len).map(|_| random.real(-9.0, 9.0)).collect();
    for function in [
        RealFunction::Clip { lo: -1.0, hi: 6.0 },
        RealFunction::HardSigmoid { alpha: 0.2, beta: 0.5 },
        RealFunction::HardSwish { alpha: 1.0 / 6.0, beta: 0.5 },
        RealFunction::Sigmoid,
        RealFunction::Silu { beta: 1.7 },
        RealFunction::Tanh,
        RealFunction::Leaky { slope: 0.1 },
    ] {
        reference::real_function(function, &x, &mut right);
        kernel::real_function(function, &x, &mut ours);
        same(&mut ours, &mut right, "real_function");
    }
    let line = kernel::RealLine { scale: &scale, below: &zero, shift: &scale };
    reference::real_line(&line, &x, &mut right);
    kernel::real_line(&line, &x, &mut ours);
    same(&mut ours, &mut right, "real_line");
    reference::real_add(&x, &other, &mut right);
    kernel::real_add(&x, &other, &mut ours);
    same(&mut ours, &mut right, "real_add");
    reference::real_multiply(&x, &other, &mut right);
    kernel::real_multiply(&x, &other, &mut ours);
    same(&mut ours, &mut right, "real_multiply");
    for top in [255, 4095, 32_767] {
        let layer = kernel::Quantize { multiplier: &scale, bias: &zero, top };
        let (mut ours, mut right) = (vec![7; len], vec![0; len]);
        reference::quantize(&layer, &x, &mut right);
        kernel::quantize(&layer, &x, &mut ours);
        differ(&ours, &right, &("quantize", len, top));
    }
}
