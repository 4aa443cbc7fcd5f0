//! Fine maps: codes up to 4095 in two planes (`specs/arithmetic.md`, 37 to 42).
//!
//! A layer may write a code q as h = ⌊q/16⌋ and l = q mod 16, all high parts of a pixel before all low ones. To those who read it
//! that is a map of twice the channels, so that a convolution has weights for both: `W·16s` for h and `W·s` for l, each rounded by
//! itself. The error of the latter is multiplied by no more than 15, so that what was the error of 8-bit codes all but vanishes, for
//! twice the products of the reader and twice the memory. Means, gates, sums, residuals and bilinear resizes read whole codes, `16h + l`.
//!
//! Tried and left: 12 bits for some channels of a map, those that answers feel most, brought to the front in all maps that go together (three
//! quarters of a map's rounding error come from a quarter of its channels). At the same measured time the answers were no better
//! (V3-Small, `mixed`: 22.5 dB for 15 % more time, whole maps 22.5 dB for 13 %): blocks of depthwise convolutions were cut where fine channels end, a product
//! with a few more columns took longer than their number says, and a range of their own for some channels made the steps of all weights coarser.

use super::Ranges;
use super::ranges::TensorRange;
use super::sites::{Site, SiteKind};
use crate::graph::{Graph, TensorId};
use crate::ops::Conv;
use crate::qgraph::{Codes, QTensor};
pub use bakelite_runtime::layer::FINE_TOP;
use std::borrow::Cow;

/// Low codes of a high one.
pub const LOW: u16 = 16;

/// Whether the tensor can be a fine map by itself: who makes it can write one, and all who read it can read one.
pub fn is_possible(graph: &Graph, sites: &[Site<'_>], id: TensorId) -> bool {
    let makes = |kind: &SiteKind<'_>| {
        matches!(kind, SiteKind::Conv { .. } | SiteKind::Gated { .. } | SiteKind::Gate { .. } | SiteKind::Add { .. })
    };
    sites.iter().any(|site| site.output == id && makes(&site.kind)) && is_readable(graph, sites, id)
}

/// Whether all who read the tensor can read a fine map.
fn is_readable(graph: &Graph, sites: &[Site<'_>], id: TensorId) -> bool {
    let reads = |site: &Site<'_>| match &site.kind {
        SiteKind::Conv { conv, .. } => site.inputs.first() != Some(&id) || conv.groups == 1 || conv.is_depthwise(),
        SiteKind::Gated { .. } | SiteKind::Mean | SiteKind::Gate { .. } | SiteKind::Add { .. } => true,
        // What it makes is then fine, too.
        SiteKind::Resize(_) => is_readable(graph, sites, site.output),
        _ => false,
    };
    let mut readers = sites.iter().filter(|site| site.inputs.contains(&id)).peekable();
    graph.shape(id).pixels() > 1 && !graph.outputs.contains(&id) && readers.peek().is_some() && readers.all(reads)
}

/// Whether the tensor is one, as `ranges` want it: a resized map is if what was resized is.
pub fn is_fine(graph: &Graph, sites: &[Site<'_>], ranges: &Ranges, id: TensorId) -> bool {
    match sites.iter().find(|site| site.output == id) {
        Some(Site { kind: SiteKind::Resize(_), inputs, .. }) => is_fine(graph, sites, ranges, inputs[0]),
        _ => ranges[id.index()].as_ref().is_some_and(|range| range.fine) && is_possible(graph, sites, id),
    }
}

/// The codes of the two planes, as readers see them: `s·(q − z) = 16s·(h − ⌊z/16⌋) + s·(l − z mod 16)`.
pub fn planes(codes: &Codes) -> Codes {
    let (scale, zero) = (&codes.scale, &codes.zero);
    Codes {
        scale: scale.iter().map(|s| s * f32::from(LOW)).chain(scale.iter().copied()).collect(),
        zero: zero.iter().map(|z| z / LOW).chain(zero.iter().map(|z| z % LOW)).collect(),
    }
}

/// The codes that a layer makes for `tensor`, before they are parted.
pub fn whole(tensor: &QTensor) -> Option<Cow<'_, Codes>> {
    let codes = tensor.codes()?;
    if !tensor.fine {
        return Some(Cow::Borrowed(codes));
    }
    let channels = codes.scale.len() / 2;
    let (high, low) = codes.zero.split_at(channels);
    let zero = high.iter().zip(low).map(|(h, l)| LOW * h + l).collect();
    Some(Cow::Owned(Codes { scale: codes.scale[channels..].to_vec(), zero }))
}

/// `conv` as it reads `x`: of a fine map both planes. A depthwise convolution has the taps of the low plane as further vertical ones,
/// behind those of the high plane; any other has the low channels of a pixel behind the high ones.
pub fn reading<'c>(conv: &'c Conv, x: &QTensor) -> Cow<'c, Conv> {
    if !x.fine {
        return Cow::Borrowed(conv);
    }
    let mut both = conv.clone();
    if conv.is_depthwise() {
        both.window.kernel[0] *= 2;
        both.weights = conv.weights.chunks_exact(conv.window.taps()).flat_map(|taps| [taps, taps].concat()).collect();
    } else {
        let channels = conv.in_channels();
        both.weights = conv.weights.chunks_exact(channels).flat_map(|tap| [tap, tap].concat()).collect();
        both.pad_value = [conv.pad_value.as_slice(), &conv.pad_value].concat();
    }
    Cow::Owned(both)
}

/// The codes of both planes for a real.
pub fn parts(codes: &Codes, c: usize, real: f32) -> [u8; 2] {
    let q = (f64::from(real) / f64::from(codes.scale[c]) + f64::from(codes.zero[c])).round_ties_even();
    let q = q.clamp(0.0, f64::from(FINE_TOP)) as u16;
    [(q / LOW) as u8, (q % LOW) as u8]
}

/// What the statistics of a map say of `x`, of the planes of its fine form: low parts are all alike in number, so that their mean is 7.5.
pub fn seen<'r>(range: &'r TensorRange, x: &QTensor) -> Cow<'r, TensorRange> {
    let Some(codes) = whole(x).filter(|_| x.fine) else { return Cow::Borrowed(range) };
    let low: Vec<f64> =
        codes.scale.iter().zip(&codes.zero).map(|(&s, &z)| f64::from(s) * (7.5 - f64::from(z % LOW))).collect();
    let mean = range.mean.iter().zip(&low).map(|(mean, low)| mean - low).chain(low.iter().copied()).collect();
    Cow::Owned(TensorRange { mean, ..range.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Shape, Window};
    use crate::qgraph::Kind;

    fn tensor(codes: &Codes) -> QTensor {
        let shape = Shape::new(2, 2, 2 * codes.scale.len());
        QTensor { name: "x".into(), shape, kind: Kind::Map(planes(codes)), fine: true }
    }

    #[test]
    fn planes_stand_for_the_whole() {
        let codes = Codes { scale: vec![0.5, 0.25], zero: vec![1000, 17] };
        let both = planes(&codes);
        assert_eq!(whole(&tensor(&codes)).unwrap().as_ref(), &codes);
        for (c, q) in [(0, 0_u16), (0, 4095), (1, 18), (1, 2047)] {
            let real = codes.scale[c] * (f32::from(q) - f32::from(codes.zero[c]));
            assert_eq!(both.real(c, f32::from(q / LOW)) + both.real(c + 2, f32::from(q % LOW)), real);
            assert_eq!(parts(&codes, c, real), [(q / LOW) as u8, (q % LOW) as u8]);
        }
    }

    #[test]
    fn both_planes_are_read() {
        let codes = Codes { scale: vec![1.0; 2], zero: vec![0; 2] };
        let point = Conv::pointwise(vec![1.0, 2.0, 3.0, 4.0], vec![0.0; 2], 2);
        assert_eq!(reading(&point, &tensor(&codes)).weights, [1.0, 2.0, 1.0, 2.0, 3.0, 4.0, 3.0, 4.0]);
        let window = Window { kernel: [1, 2], ..Window::POINT };
        let depthwise = Conv { window, groups: 2, ..point };
        let both = reading(&depthwise, &tensor(&codes));
        assert_eq!((both.window.kernel, both.in_channels()), ([2, 2], 2));
        assert_eq!(both.weights, [1.0, 2.0, 1.0, 2.0, 3.0, 4.0, 3.0, 4.0]);
    }
}
