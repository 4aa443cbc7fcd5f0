//! Checks the invariants that the module doc of [`crate::graph`] numbers.

use super::Graph;
use crate::error::{Error, Result, Stage};

impl Graph {
    /// Checks every invariant of the module doc.
    ///
    /// # Errors
    /// Names the first node that breaks one. `stage` is who built the graph.
    pub fn verify(&self, stage: Stage) -> Result<()> {
        let fail = |node: &str, cause: String| Err(Error::new(stage, cause).at(node));
        let mut written = vec![false; self.tensors.len()];
        match written.get_mut(self.input.index()) {
            Some(slot) => *slot = true,
            None => return fail(&self.name, "the input is no tensor of the graph".into()),
        }
        if self.shape(self.input).is_empty() {
            return fail(&self.name, "the input is empty".into());
        }
        for node in &self.nodes {
            // 2: in order, one producer each.
            for input in &node.inputs {
                if written.get(input.index()) != Some(&true) {
                    return fail(&node.name, format!("reads t{} before anything writes it", input.0));
                }
            }
            match written.get_mut(node.output.index()) {
                Some(slot) if !*slot => *slot = true,
                Some(_) => return fail(&node.name, format!("t{} is written twice", node.output.0)),
                None => {
                    return fail(&node.name, format!("writes t{}, which does not exist", node.output.0));
                }
            }
            // 1, 3: shapes.
            let inputs: Vec<_> = node.inputs.iter().map(|&id| self.shape(id)).collect();
            match node.op.shape(&inputs) {
                Ok(shape) if shape == self.shape(node.output) => {}
                Ok(shape) => {
                    let stated = self.shape(node.output);
                    return fail(&node.name, format!("its output is {shape:?}, the graph says {stated:?}"));
                }
                Err(cause) => return fail(&node.name, cause),
            }
            // 4: constants.
            if let Err(cause) = node.op.operator().check() {
                return fail(&node.name, cause);
            }
        }
        if self.outputs.is_empty() {
            return fail(&self.name, "no output".into());
        }
        for output in &self.outputs {
            if written.get(output.index()) != Some(&true) {
                return fail(&self.name, format!("nothing writes the output t{}", output.0));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Shape, TensorId};
    use crate::ops::{Affine, Conv, Op};

    type Damage = fn(&mut Graph);

    fn graph() -> Graph {
        let mut g = Graph::new("g", "x", Shape::new(2, 2, 3));
        let a = g.push("a", Op::Affine(Affine::uniform(2.0, 1.0, 3)), vec![g.input], "a").unwrap();
        let b = g.push("b", Op::Add, vec![g.input, a], "b").unwrap();
        g.outputs.push(b);
        g
    }

    #[test]
    fn each_broken_invariant_is_named() {
        assert!(graph().verify(Stage::Passes).is_ok());
        let breaks: [(Damage, &str); 6] = [
            (|g| g.nodes.swap(0, 1), "before anything writes it"),
            (|g| g.nodes[1].output = g.nodes[0].output, "written twice"),
            (|g| g.tensors[2].shape.height = 7, "the graph says"),
            (|g| g.nodes[0].op = Op::Affine(Affine::uniform(f32::NAN, 0.0, 3)), "scale[0] is NaN"),
            (|g| g.outputs.clear(), "no output"),
            (|g| g.input = TensorId(99), "no tensor"),
        ];
        for (damage, expected) in breaks {
            let mut g = graph();
            damage(&mut g);
            let error = g.verify(Stage::Passes).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn wrong_constants_and_arity() {
        let mut g = graph();
        g.nodes[0].op = Op::Conv(Conv::pointwise(vec![1.0; 6], vec![0.0; 2], 3));
        assert!(g.verify(Stage::Passes).is_err());
        g.nodes[0].op = Op::Add;
        assert!(g.verify(Stage::Passes).unwrap_err().cause.contains("does not read 1 tensors"));
    }
}
