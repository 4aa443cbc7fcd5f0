//! What a network needs of the kernels, as the crate's `runtime/used.rs` says it.

use super::sets::Sets;
use crate::plan::Kernel;
use crate::plan::constants::EpilogueSpans;
use crate::qgraph::QGraph;
use bakelite_runtime::isa::Level;
use bakelite_runtime::kernel::depthwise_tile;
use bakelite_runtime::layer::{Shape, Window};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// The text of the module; `all` is that of the runtime itself, whose functions stay.
pub fn used(q: &QGraph, sets: Sets<'_>, all: &str) -> String {
    let mut residual = false;
    let mut hard_swish = false;
    let mut fixed = false;
    let mut depthwise = BTreeSet::new();
    for (level, step) in sets.plans().iter().flat_map(|plan| plan.steps.iter().map(|step| (plan.level, step))) {
        let epilogue = match &step.kernel {
            Kernel::Pointwise { epilogue, .. }
            | Kernel::Depthwise { epilogue, .. }
            | Kernel::Convolution { epilogue, .. }
            | Kernel::Dense { epilogue, .. }
            | Kernel::Gated { epilogue, .. } => Some(epilogue),
            _ => None,
        };
        residual |= epilogue.is_some_and(|e| e.residual.is_some());
        hard_swish |= epilogue.is_some_and(|e| e.hard_swish.is_some());
        fixed |= epilogue.is_some_and(|e| e.shift.is_some());
        hard_swish |= matches!(&step.kernel, Kernel::Gate { hard_swish: Some(_), .. });
        if let Kernel::Depthwise { input, output, window, epilogue, .. } = &step.kernel {
            depthwise.insert(strip(level, [*input, *output], window, epilogue));
        }
    }
    let fine = q.tensors.iter().any(|tensor| tensor.fine);
    let mut out = String::new();
    for line in all.lines() {
        let value = |name: &str, value: bool| {
            line.starts_with(&format!("pub const {name}: bool")).then(|| format!("pub const {name}: bool = {value};"))
        };
        let flags = [("FINE", fine), ("FIXED", fixed), ("RESIDUAL", residual), ("HARD_SWISH", hard_swish)];
        let changed = flags.into_iter().find_map(|(name, used)| value(name, used));
        let _ = match (changed, line) {
            (Some(changed), _) => writeln!(out, "{changed}"),
            (None, line) if line.starts_with("const DEPTHWISE") => {
                writeln!(out, "const DEPTHWISE: &[[usize; 5]] = &{:?};", depthwise.iter().collect::<Vec<_>>())
            }
            // The rest of the list, and what is said of the runtime itself.
            (None, line) if line.starts_with("    [") || line == "];" => Ok(()),
            (None, line) if line.starts_with("//! Here") => {
                writeln!(out, "//! This is what the network of this crate needs; the rest is no part of its program.")
            }
            (None, line) if line.starts_with("//! part of") => Ok(()),
            (None, line) => writeln!(out, "{line}"),
        };
    }
    out
}

/// What `runtime/used.rs` says of a depthwise convolution from one map to another.
fn strip(level: Level, [input, output]: [Shape; 2], window: &Window, epilogue: &EpilogueSpans) -> [usize; 5] {
    let (after, out) = match epilogue {
        EpilogueSpans { fine: true, .. } => (2, 2),
        EpilogueSpans { shift: Some(_), hard_swish: Some(_), .. } => (1, 3),
        EpilogueSpans { shift: Some(_), .. } => (1, 1),
        _ => (1, 0),
    };
    let before = input.channels.checked_div(output.channels / after).unwrap_or(1);
    let tile = depthwise_tile(level, output.width, [before == 2, epilogue.fine]);
    [window.kernel[0], window.stride[0], before, out, tile]
}

#[cfg(test)]
mod tests {
    use super::strip;
    use crate::plan::constants::{EpilogueSpans, Floats, Ints};
    use bakelite_runtime::isa::Level;
    use bakelite_runtime::layer::{Shape, Window};

    #[test]
    fn depthwise_convolutions_are_those_that_the_kernel_asks_for() {
        let window = Window { kernel: [3, 3], stride: [2, 2], dilation: [1, 1], pad: [0, 0] };
        // 72 channels: constants are padded to 80.
        let map = |width: usize, channels: usize| Shape::new(width, width, channels);
        let epilogue = |fine: bool, shift: bool| EpilogueSpans {
            offset: Ints { start: 0, len: 0 },
            multiplier: Floats { start: 0, len: 0 },
            bias: None,
            residual: None,
            hard_swish: None,
            fine,
            fine_residual: false,
            shift: shift.then_some(Ints { start: 0, len: 0 }),
        };
        let of = |from, to, fine| strip(Level::Avx512Vnni, [from, to], &window, &epilogue(fine, false));
        assert_eq!(of(map(56, 72), map(28, 72), false), [3, 2, 1, 0, 7]);
        assert_eq!(of(map(56, 72), map(28, 144), true), [3, 2, 1, 2, 7]);
        assert_eq!(
            strip(Level::AvxVnni, [map(56, 72), map(28, 144)], &window, &epilogue(true, false)),
            [3, 2, 1, 2, 4]
        );
        assert_eq!(of(map(56, 144), map(28, 72), false), [3, 2, 2, 0, 4]);
        assert_eq!(of(map(56, 144), map(28, 144), true), [3, 2, 2, 2, 4]);
        assert_eq!(strip(Level::Neon, [map(56, 72), map(28, 72)], &window, &epilogue(false, false)), [3, 2, 1, 0, 7]);
        assert_eq!(strip(Level::Simd128, [map(56, 72), map(28, 72)], &window, &epilogue(false, true)), [3, 2, 1, 1, 4]);
    }

    #[test]
    fn every_line_that_is_rewritten_is_there() {
        let all = include_str!("../../../runtime/src/used.rs");
        for start in [
            "pub const FINE: bool",
            "pub const FIXED: bool",
            "pub const RESIDUAL: bool",
            "pub const HARD_SWISH: bool",
            "const DEPTHWISE",
            "//! Here",
        ] {
            assert_eq!(all.lines().filter(|line| line.starts_with(start)).count(), 1, "{start}");
        }
    }
}
