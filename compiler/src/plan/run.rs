//! Runs a plan in this process with the kernels of its instruction set: what the emitted program does, without it.

use super::layers::Layers;
use super::{Band, Kernel, Plan, Slot, Step};
use crate::qgraph::reference::Value;
use crate::weightless::{Input, Output, Weightless};
use bakelite_runtime::arena::split;
use bakelite_runtime::band::band;
use bakelite_runtime::dispatch;
use bakelite_runtime::isa::{self, Isa, Level, Team};
use bakelite_runtime::kernel::{self, Add, Dense, Gate, Gated, MaxPool, Mean, Table};
use bakelite_runtime::layer::Activation;

/// The memory of one run; reusable.
pub struct Memory {
    maps: Vec<u8>,
    wide: Vec<u16>,
    reals: Vec<f32>,
    output: Vec<f32>,
}

impl Memory {
    /// Room for `plan`.
    pub fn of(plan: &Plan) -> Self {
        Self {
            maps: vec![0; plan.arena.maps],
            wide: vec![0; plan.arena.wide],
            reals: vec![0.0; plan.arena.reals],
            output: vec![0.0; plan.answers()],
        }
    }
}

impl Memory {
    /// Puts a tensor where a step finds it; `None` where it does not fit.
    pub(super) fn write(&mut self, slot: Slot, value: &Value) -> Option<()> {
        match (slot, value) {
            (Slot::Map { start, len }, Value::Map(from)) => put(&mut self.maps, start, len, from),
            (Slot::Wide { start, len }, Value::Wide(from)) => put(&mut self.wide, start, len, from),
            (Slot::Real { start, len }, Value::Real(from)) => put(&mut self.reals, start, len, from),
            _ => None,
        }
    }

    /// The tensor that a step left.
    pub(super) fn read(&self, slot: Slot) -> Option<Value> {
        Some(match slot {
            Slot::Map { start, len } => Value::Map(self.maps.get(start..start + len)?.to_vec()),
            Slot::Wide { start, len } => Value::Wide(self.wide.get(start..start + len)?.to_vec()),
            Slot::Real { start, len } => Value::Real(self.reals.get(start..start + len)?.to_vec()),
            Slot::Image | Slot::Output => return None,
        })
    }
}

impl Memory {
    /// The reals of all outputs; a vector that is the only one is there already.
    fn answers(&mut self, plan: &Plan) -> &[f32] {
        let mut at = 0;
        for output in &plan.outputs {
            let len = output.answer.shape.len();
            let to = self.output.get_mut(at..at + len).unwrap_or_default();
            at += len;
            match output.slot {
                Slot::Map { start, len } => {
                    let from = self.maps.get(start..start + len).unwrap_or_default();
                    output.answer.content.reals(from, to);
                }
                Slot::Real { start, len } => {
                    let from = self.reals.get(start..start + len).unwrap_or_default();
                    to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
                }
                Slot::Wide { .. } | Slot::Image | Slot::Output => {}
            }
        }
        &self.output
    }
}

fn put<T: Copy>(section: &mut [T], start: usize, len: usize, from: &[T]) -> Option<()> {
    let to = section.get_mut(start..start + len)?;
    (to.len() == from.len()).then(|| to.copy_from_slice(from))
}

/// Runs one step; false where this CPU cannot.
pub(super) fn step(plan: &Plan, index: usize, memory: &mut Memory) -> bool {
    plan.steps.get(index).is_some_and(|step| one(plan, step, memory, &[]))
}

/// The instruction sets that this CPU can run, best first.
pub fn levels() -> Vec<Level> {
    use Level::{Avx2, Avx512Vnni, AvxVnni, I8mm, Neon, NeonDot, Portable};
    let order = [Avx512Vnni, AvxVnni, Avx2, I8mm, NeonDot, Neon, Portable];
    order.into_iter().filter(|&level| dispatch::has(level)).collect()
}

/// What the network answers for an image of raw bytes, the reals of all outputs one after the other; `None` where this CPU
/// lacks the plan's instruction set.
pub fn run<'m>(plan: &Plan, memory: &'m mut Memory, image: &[u8]) -> Option<&'m [f32]> {
    run_steps(plan, memory, image, |_, _| {}).then(|| memory.answers(plan))
}

/// The same, telling the time of each step: `(index, nanoseconds)`.
pub fn profile(plan: &Plan, memory: &mut Memory, image: &[u8], see: impl FnMut(usize, u128)) -> bool {
    run_steps(plan, memory, image, see)
}

/// The same, showing what each step leaves: its index and where. Steps that answer reals of the network are shown them too.
pub fn observe(plan: &Plan, memory: &mut Memory, image: &[u8], mut see: impl FnMut(usize, Seen<'_>)) -> bool {
    plan.steps.iter().enumerate().all(|(index, step)| {
        let done = next(plan, index, memory, image);
        let seen = match step.output {
            _ if plan.within_band(index) => None,
            Slot::Map { start, len } => memory.maps.get(start..start + len).map(Seen::Map),
            Slot::Wide { start, len } => memory.wide.get(start..start + len).map(Seen::Wide),
            Slot::Real { start, len } => memory.reals.get(start..start + len).map(Seen::Real),
            Slot::Output => Some(Seen::Real(&memory.output)),
            Slot::Image => None,
        };
        seen.into_iter().for_each(|seen| see(index, seen));
        done
    })
}

/// A tensor in the arena.
#[derive(Clone, Copy, Debug)]
pub enum Seen<'a> {
    /// u8 codes.
    Map(&'a [u8]),
    /// u16 codes.
    Wide(&'a [u16]),
    /// Reals.
    Real(&'a [f32]),
}

/// Rounds of [`times`] that only warm caches.
const WARM_UP: usize = 10;

/// Nanoseconds of every step in every one of `rounds` runs, ascending; `None` where this CPU cannot run the plan.
pub fn times(plan: &Plan, rounds: usize) -> Option<Vec<Vec<u128>>> {
    let mut memory = Memory::of(plan);
    let image = crate::emit::noise_image(1, plan.input.len());
    let mut times = vec![Vec::with_capacity(rounds); plan.steps.len()];
    for round in 0..rounds + WARM_UP {
        let done = profile(plan, &mut memory, &image, |step, ns| {
            if round >= WARM_UP {
                times[step].push(ns);
            }
        });
        if !done {
            return None;
        }
    }
    times.iter_mut().for_each(|t| t.sort_unstable());
    Some(times)
}

/// The middle one of ascending times.
pub fn median(times: &[u128]) -> f64 {
    times.get(times.len() / 2).copied().unwrap_or(0) as f64
}

fn run_steps(plan: &Plan, memory: &mut Memory, image: &[u8], mut see: impl FnMut(usize, u128)) -> bool {
    plan.steps.iter().enumerate().all(|(index, _)| {
        let start = std::time::Instant::now();
        let done = next(plan, index, memory, image);
        see(index, start.elapsed().as_nanos());
        done
    })
}

/// Runs one step. A band runs when the last of its steps is reached, and the others do nothing.
fn next(plan: &Plan, index: usize, memory: &mut Memory, image: &[u8]) -> bool {
    match plan.bands.iter().find(|band| band.choice.steps().contains(&index)) {
        Some(band) if index == band.choice.last() => in_band(plan, band, memory, image),
        Some(_) => true,
        None => plan.steps.get(index).is_some_and(|step| one(plan, step, memory, image)),
    }
}

/// Runs all steps of a band.
fn in_band(plan: &Plan, band: &Band, memory: &mut Memory, image: &[u8]) -> bool {
    let steps = &plan.steps[band.choice.steps()];
    let [Some(first), Some(last)] = [steps.first(), steps.last()] else { return false };
    let added = steps.iter().find_map(|step| step.inputs.get(1));
    let slots = [first.inputs.first(), added, Some(&band.scratch), Some(&last.output)];
    let [x, second, scratch, y] = split(&mut memory.maps, slots.map(|slot| range(slot, in_maps)));
    let x: &[u8] = if first.inputs.first() == Some(&Slot::Image) { image } else { x };
    // What is added may be what the band begins with.
    let second = if slots[1].is_some() && slots[0] == slots[1] { x } else { second };
    let kernels = steps.iter().map(|step| &step.kernel);
    Layers(&plan.constants).in_band(kernels, &band.choice, |layers| {
        dispatch::with(plan.level, Whole { layers, io: [x, second], scratch, y }).is_some()
    })
}

/// A band by the caller alone.
struct Whole<'a> {
    layers: &'a bakelite_runtime::band::Band<'a>,
    io: [&'a [u8]; 2],
    scratch: &'a mut [u8],
    y: &'a mut [u8],
}

impl isa::Kernel for Whole<'_> {
    type Output = ();

    fn run<I: Isa>(self, isa: I) {
        band::<I, 0>(isa, &mut Team::alone(), self.layers, self.io, self.scratch, self.y);
    }
}

/// Where a slot lies in its section; nothing for the other sections.
fn range(slot: Option<&Slot>, section: fn(&Slot) -> Option<(usize, usize)>) -> (usize, usize) {
    slot.and_then(section).unwrap_or((0, 0))
}

fn in_maps(slot: &Slot) -> Option<(usize, usize)> {
    match *slot {
        Slot::Map { start, len } => Some((start, len)),
        Slot::Image | Slot::Wide { .. } | Slot::Real { .. } | Slot::Output => None,
    }
}

fn in_wide(slot: &Slot) -> Option<(usize, usize)> {
    match *slot {
        Slot::Wide { start, len } => Some((start, len)),
        Slot::Image | Slot::Map { .. } | Slot::Real { .. } | Slot::Output => None,
    }
}

fn in_reals(slot: &Slot) -> Option<(usize, usize)> {
    match *slot {
        Slot::Real { start, len } => Some((start, len)),
        Slot::Image | Slot::Map { .. } | Slot::Wide { .. } | Slot::Output => None,
    }
}

/// A section without the piece that is written.
struct Others<'m, T> {
    before: &'m [T],
    behind: &'m [T],
    /// Where `behind` starts.
    end: usize,
}

impl<'m, T> Others<'m, T> {
    /// The piece, and what is left; nothing where it is not inside.
    fn around(section: &'m mut [T], (start, len): (usize, usize)) -> Option<(&'m mut [T], Self)> {
        let (before, rest) = section.split_at_mut_checked(start)?;
        let (piece, behind) = rest.split_at_mut_checked(len)?;
        Some((piece, Self { before, behind, end: start + len }))
    }

    fn get(&self, start: usize, len: usize) -> Option<&'m [T]> {
        self.before.get(start..start + len).or_else(|| {
            let start = start.checked_sub(self.end)?;
            self.behind.get(start..start + len)
        })
    }
}

/// An operation without weights, which may read any number of tensors; `None` where they are not there.
fn weightless(op: &Weightless, plan: &Plan, step: &Step, memory: &mut Memory, image: &[u8]) -> Option<bool> {
    let place = |section: fn(&Slot) -> Option<(usize, usize)>| range(Some(&step.output), section);
    let (map, maps) = Others::around(&mut memory.maps, place(in_maps))?;
    let (wide, wides) = Others::around(&mut memory.wide, place(in_wide))?;
    let (real, reals) = Others::around(&mut memory.reals, place(in_reals))?;
    let read = |slot: &Slot| {
        Some(match *slot {
            Slot::Image => Input::Map(image),
            Slot::Map { start, len } => Input::Map(maps.get(start, len)?),
            Slot::Wide { start, len } => Input::Wide(wides.get(start, len)?),
            Slot::Real { start, len } => Input::Real(reals.get(start, len)?),
            Slot::Output => return None,
        })
    };
    let inputs = step.inputs.iter().map(read).collect::<Option<Vec<Input<'_>>>>()?;
    let output = match step.output {
        Slot::Map { .. } => Output::Map(map),
        Slot::Wide { .. } => Output::Wide(wide),
        Slot::Real { .. } => Output::Real(real),
        Slot::Output => Output::Real(&mut memory.output),
        Slot::Image => return None,
    };
    op.layer().run(plan.level, &inputs, output)
}

fn one(plan: &Plan, step: &Step, memory: &mut Memory, image: &[u8]) -> bool {
    if let Kernel::Weightless { op, .. } = &step.kernel {
        return weightless(op, plan, step, memory, image).unwrap_or(false);
    }
    let level = plan.level;
    let (c, layers) = (&plan.constants, Layers(&plan.constants));
    // Of the tensors after the first, one may be a map and one a gate.
    let other =
        |section: fn(&Slot) -> Option<(usize, usize)>| step.inputs.iter().skip(1).find(|slot| section(slot).is_some());
    let slots = [step.inputs.first(), other(in_maps), step.scratch.as_ref(), Some(&step.output)];
    let [x, second, scratch, y] = split(&mut memory.maps, slots.map(|slot| range(slot, in_maps)));
    let [wide_x, wide_y] = split(&mut memory.wide, [slots[0], slots[3]].map(|slot| range(slot, in_wide)));
    let [real_x, real_second, real_y] =
        split(&mut memory.reals, [slots[0], other(in_reals), slots[3]].map(|slot| range(slot, in_reals)));
    let x: &[u8] = if step.inputs.first() == Some(&Slot::Image) { image } else { x };
    let real_x: &[f32] = real_x;
    let real_y = if step.output == Slot::Output { memory.output.as_mut_slice() } else { real_y };
    match &step.kernel {
        kernel @ Kernel::Pointwise { .. } => {
            layers.pointwise(kernel).is_some_and(|layer| dispatch::pointwise(level, &layer, x, second, y))
        }
        kernel @ Kernel::Depthwise { .. } => {
            layers.depthwise(kernel).is_some_and(|layer| dispatch::depthwise(level, &layer, x, second, y))
        }
        kernel @ Kernel::Convolution { .. } => {
            layers.convolution(kernel).is_some_and(|layer| dispatch::convolution(level, &layer, x, second, scratch, y))
        }
        Kernel::Dense { in_channels, out_channels, weights, epilogue: e, top, reals } => {
            let layer = Dense {
                in_channels: *in_channels,
                out_channels: *out_channels,
                weights: c.get_bytes(*weights),
                epilogue: layers.epilogue(e),
                top: *top,
            };
            match reals {
                None => dispatch::dense_codes(level, &layer, wide_x, wide_y),
                Some(activation) => dispatch::dense_reals(level, &layer, *activation, wide_x, real_y),
            }
        }
        Kernel::Mean { shape, fine, multiplier, bias, top } => {
            let (multiplier, bias) = (c.get_floats(*multiplier), c.get_floats(*bias));
            let layer = Mean { shape: *shape, fine: *fine, multiplier, bias, top: top.unwrap_or(0) };
            match top {
                Some(_) => dispatch::mean(level, &layer, x, wide_y),
                None => dispatch::mean_reals(level, &layer, x, real_y),
            }
        }
        Kernel::Gate { shape, fine, multiplier, zero, bias, hard_swish } => {
            let layer = Gate {
                shape: *shape,
                fine: *fine,
                multiplier: c.get_floats(*multiplier),
                zero: c.get_floats(*zero),
                bias: c.get_floats(*bias),
                activation: layers.activation(hard_swish.as_ref()),
            };
            dispatch::gate(level, &layer, x, real_second, y)
        }
        Kernel::Gated { pixels, in_channels, fine_input, out_channels, weights, factor, zero, epilogue: e, tile } => {
            let layer = Gated {
                pixels: *pixels,
                in_channels: *in_channels,
                fine_input: *fine_input,
                out_channels: *out_channels,
                weights: c.get_bytes(*weights),
                factor: c.get_floats(*factor),
                zero: c.get_floats(*zero),
                epilogue: layers.epilogue(e),
                tile: *tile,
            };
            dispatch::gated(level, &layer, x, real_second, second, scratch, y)
        }
        Kernel::Add { shape, fine, first, second: other, bias } => {
            let layer = Add {
                shape: *shape,
                fine: *fine,
                first: c.get_floats(*first),
                second: c.get_floats(*other),
                bias: c.get_floats(*bias),
                activation: Activation::Linear,
            };
            dispatch::add(level, &layer, x, second, y)
        }
        Kernel::Weightless { .. } => false,
        Kernel::Table { len, table } => c
            .get_bytes(*table)
            .first_chunk()
            .is_some_and(|table| dispatch::table(level, &Table { len: *len, table }, x, y)),
        Kernel::MaxPool { input, output, window } => {
            dispatch::max_pool(level, &MaxPool { input: *input, output: *output, window: *window }, x, y)
        }
        Kernel::Softmax { .. } => {
            kernel::softmax(real_x, real_y);
            true
        }
    }
}
