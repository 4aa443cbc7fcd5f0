//! One node of an integer graph by itself, with the kernels of this CPU: for those who make a network layer by layer.

use super::constants::Constants;
use super::layers::Layers;
use super::{ArenaLen, Plan, Slot, Step, memory, run, steps};
use crate::error::{Error, Result, Stage};
use crate::qgraph::reference::Value;
use crate::qgraph::{Kind, QGraph, QNode, TensorId};

/// A node with its constants packed; its result is that of [`crate::qgraph::reference`], bit for bit.
#[derive(Clone, Debug)]
pub struct Single {
    plan: Plan,
    inputs: Vec<TensorId>,
}

/// Where a tensor of this form lies when it is alone in its section from `start` on; `start` moves behind it.
fn slot(kind: &Kind, len: usize, free: &mut ArenaLen) -> Slot {
    let place = |free: &mut usize| {
        let start = *free;
        // Kernels want no alignment; this is for speed.
        *free = (start + len).next_multiple_of(64);
        start
    };
    match kind {
        Kind::Map(_) => Slot::Map { start: place(&mut free.maps), len },
        Kind::Wide { .. } => Slot::Wide { start: place(&mut free.wide), len },
        Kind::Real => Slot::Real { start: place(&mut free.reals), len },
    }
}

impl Single {
    /// Packs `node` of `q`.
    ///
    /// # Errors
    /// Where no kernel takes it.
    pub fn new(q: &QGraph, node: &QNode) -> Result<Self> {
        let level = run::levels()[0];
        let mut constants = Constants::default();
        let kernel = steps::kernel(q, node, level, &mut constants)?;
        let mut arena = ArenaLen { maps: 0, wide: 0, reals: 0 };
        let mut of = |id: TensorId| slot(&q.tensor(id).kind, q.tensor(id).shape.len(), &mut arena);
        let inputs: Vec<Slot> = node.inputs.iter().map(|&id| of(id)).collect();
        let output = of(node.output);
        let scratch_len = memory::scratch_len(level, &kernel, Layers(&constants));
        let scratch = (scratch_len > 0).then_some(Slot::Map { start: arena.maps, len: scratch_len });
        arena.maps += scratch_len;
        let step = Step { name: node.name.clone(), block: 0, kernel, inputs, output, scratch, tensor: node.output };
        let plan = Plan {
            level,
            input: q.tensor(node.inputs[0]).shape,
            outputs: Vec::new(),
            steps: vec![step],
            bands: Vec::new(),
            constants,
            arena,
            peak: (0, 0),
        };
        Ok(Self { plan, inputs: node.inputs.clone() })
    }

    /// What it writes.
    pub fn output(&self) -> TensorId {
        self.plan.steps[0].tensor
    }

    /// Memory for [`Single::run`], reusable.
    pub fn memory(&self) -> run::Memory {
        run::Memory::of(&self.plan)
    }

    /// The node's result for the tensors in `values`.
    ///
    /// # Errors
    /// Where one of its inputs is not there.
    pub fn run(&self, memory: &mut run::Memory, values: &[Option<Value>]) -> Result<Value> {
        let step = &self.plan.steps[0];
        let broken = || Error::new(Stage::Quantize, "the layer's input is not there").at(&step.name);
        for (id, slot) in self.inputs.iter().zip(&step.inputs) {
            let value = values.get(id.index()).and_then(Option::as_ref).ok_or_else(broken)?;
            memory.write(*slot, value).ok_or_else(broken)?;
        }
        if !run::step(&self.plan, 0, memory) {
            return Err(broken());
        }
        memory.read(step.output).ok_or_else(broken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qgraph::{Codes, QActivation, QConv, QEpilogue, QOp, QTensor, Shape, Window, reference};

    #[test]
    fn equals_the_reference() {
        let map = |name: &str, channels: usize| QTensor {
            name: name.into(),
            shape: Shape::new(5, 7, channels),
            kind: Kind::Map(Codes { scale: vec![1.0; channels], zero: vec![0; channels] }),
            fine: false,
        };
        let q = QGraph {
            name: "one".into(),
            tensors: vec![map("x", 6), map("y", 9)],
            nodes: Vec::new(),
            input: TensorId(0),
            outputs: Vec::new(),
        };
        let conv = QConv {
            window: Window { kernel: [3, 3], stride: [1, 1], dilation: [1, 1], pad: [1, 1] },
            groups: 1,
            fine_input: false,
            weights: (0..9 * 9 * 6).map(|i| (i * 37 % 255) as i8).collect(),
            pad_code: vec![3; 6],
            epilogue: QEpilogue {
                offset: (0..9).map(|o| o * 100).collect(),
                multiplier: vec![0.002; 9],
                bias: Some(vec![12.5; 9]),
                residual: None,
                activation: QActivation::Linear,
                fine: false,
                fine_residual: false,
                shift: None,
            },
        };
        let node = QNode { name: "conv".into(), op: QOp::Conv(conv), inputs: vec![TensorId(0)], output: TensorId(1) };
        let single = Single::new(&q, &node).unwrap();
        let image: Vec<u8> = (0..5 * 7 * 6).map(|i| (i * 91 % 256) as u8).collect();
        let values = vec![Some(Value::Map(image.clone())), None];
        let fast = single.run(&mut single.memory(), &values).unwrap();
        let mut naive = None;
        reference::observe(&QGraph { nodes: vec![node], ..q }, &image, |_, value| naive = Some(value.clone())).unwrap();
        assert_eq!(Some(fast), naive);
    }
}
