//! The memory of all steps: which tensors live when, and where each lies.

use super::arena::{Piece, place as place_pieces};
use super::bands::Choice;
use super::layers::Layers;
use super::{ArenaLen, Kernel, Slot};
use crate::qgraph::{Kind, QGraph, TensorId};
use bakelite_runtime::isa::Level;
use bakelite_runtime::kernel::gated_scratch_len;

/// Arena offsets of maps are multiples of this: one cache line.
const MAP_ALIGN: usize = 64;
/// Arena offsets of vectors, in elements.
const VECTOR_ALIGN: usize = 32;

/// Where everything lies.
pub struct Memory {
    /// By tensor id. What lies between the layers of a band is a piece of its scratch.
    pub slots: Vec<Slot>,
    /// By node; that of a band belongs to its first one.
    pub scratch: Vec<Option<Slot>>,
    /// Sizes of the sections.
    pub len: ArenaLen,
    /// Largest sum of living maps, and where.
    pub peak: (usize, usize),
}

/// Everything that wants a place, by section.
pub struct Living {
    maps: Section,
    wide: Section,
    reals: Section,
    steps: usize,
}

/// What lives when, if the steps of each of `bands` are computed together.
pub fn living(q: &QGraph, level: Level, kernels: &[Kernel], layers: Layers<'_>, bands: &[Choice]) -> Living {
    let band = |step: usize| bands.iter().find(|band| band.steps().contains(&step));
    let mut life: Vec<Option<(usize, usize)>> = vec![None; q.tensors.len()];
    for (step, node) in q.nodes.iter().enumerate() {
        for id in &node.inputs {
            if let Some((_, dies)) = &mut life[id.index()] {
                *dies = band(step).map_or(step, Choice::last).max(*dies);
            }
        }
        let born = match band(step) {
            Some(band) if step < band.last() => continue,
            Some(band) => band.first,
            None => step,
        };
        // Nothing takes the place of an answer before the caller has seen it.
        let dies = if q.is_output(node.output) { kernels.len().saturating_sub(1) } else { step };
        life[node.output.index()] = Some((born, dies));
    }
    let vectors = || Section::new(VECTOR_ALIGN);
    let mut living = Living { maps: Section::new(MAP_ALIGN), wide: vectors(), reals: vectors(), steps: kernels.len() };
    let scores = q.scores().map(|output| output.tensor.index());
    for (index, tensor) in q.tensors.iter().enumerate() {
        let Some((born, dies)) = life[index] else { continue };
        let pinned = q.is_output(TensorId(index as u32));
        let piece = Piece { len: tensor.shape.len(), born, dies, pinned };
        match tensor.kind {
            _ if scores == Some(index) => {}
            Kind::Map(_) => living.maps.push(Owner::Tensor(index), piece),
            Kind::Wide { .. } => living.wide.push(Owner::Tensor(index), piece),
            Kind::Real => living.reals.push(Owner::Tensor(index), piece),
        }
    }
    for (step, kernel) in kernels.iter().enumerate().filter(|(step, _)| band(*step).is_none()) {
        let len = scratch_len(level, kernel, layers);
        if len > 0 {
            living.maps.push(Owner::Scratch(step), Piece { len, born: step, dies: step, pinned: false });
        }
    }
    for band in bands {
        let len = layers.in_band(&kernels[band.steps()], band, |band| band.scratch_len());
        living.maps.push(Owner::Scratch(band.first), Piece { len, born: band.first, dies: band.last(), pinned: false });
    }
    living
}

impl Living {
    /// Bytes of maps alive at each step.
    pub fn alive(&self) -> Vec<usize> {
        let at = |step| self.maps.pieces.iter().filter(|p| p.born <= step && step <= p.dies).map(|p| p.len).sum();
        (0..self.steps).map(at).collect()
    }

    /// Places every tensor and scratch buffer.
    pub fn place(&self, q: &QGraph) -> Memory {
        let mut memory = Memory {
            slots: vec![Slot::Image; q.tensors.len()],
            scratch: vec![None; self.steps],
            len: ArenaLen { maps: 0, wide: 0, reals: 0 },
            peak: (0, 0),
        };
        if let Some(output) = q.scores() {
            memory.slots[output.tensor.index()] = Slot::Output;
        }
        for (step, bytes) in self.alive().into_iter().enumerate() {
            if bytes > memory.peak.0 {
                memory.peak = (bytes, step);
            }
        }
        memory.len = ArenaLen {
            maps: self.maps.place(&mut memory, |start, len| Slot::Map { start, len }),
            wide: self.wide.place(&mut memory, |start, len| Slot::Wide { start, len }),
            reals: self.reals.place(&mut memory, |start, len| Slot::Real { start, len }),
        };
        memory
    }
}

/// Bytes that a kernel may scribble on.
pub(super) fn scratch_len(level: Level, kernel: &Kernel, layers: Layers<'_>) -> usize {
    match kernel {
        Kernel::Convolution { .. } => layers.convolution(kernel).map_or(0, |layer| layer.scratch_len()),
        Kernel::Gated { in_channels, out_channels, .. } => gated_scratch_len(level, *in_channels, *out_channels),
        _ => 0,
    }
}

enum Owner {
    Tensor(usize),
    Scratch(usize),
}

struct Section {
    align: usize,
    owners: Vec<Owner>,
    pieces: Vec<Piece>,
}

impl Section {
    fn new(align: usize) -> Self {
        Self { align, owners: Vec::new(), pieces: Vec::new() }
    }

    fn push(&mut self, owner: Owner, piece: Piece) {
        self.owners.push(owner);
        self.pieces.push(piece);
    }

    fn place(&self, memory: &mut Memory, slot: impl Fn(usize, usize) -> Slot) -> usize {
        let placement = place_pieces(&self.pieces, self.align);
        for ((owner, piece), &start) in self.owners.iter().zip(&self.pieces).zip(&placement.offsets) {
            let slot = slot(start, piece.len);
            match *owner {
                Owner::Tensor(index) => memory.slots[index] = slot,
                Owner::Scratch(step) => memory.scratch[step] = Some(slot),
            }
        }
        placement.len
    }
}
