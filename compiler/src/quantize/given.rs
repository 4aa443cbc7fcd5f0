//! Codes that the file itself gives: of networks that were quantized, or trained quantized, by somebody else.
//!
//! A map in eight bits with one scale is held exactly so. What the file has and is not kept: the rounding of sums before a residual is
//! added and of maps before a gate or a function, which our epilogues do without; codes of vectors, which have 12 bits here or are
//! reals; codes of 16 bits and of several scales, which become our own.

use super::Draft;
use crate::graph::{Graph, TensorId};
use crate::qgraph::{Codes, Kind};

/// The codes that the file gives a tensor, for all its channels.
pub fn codes(graph: &Graph, id: TensorId) -> Option<Codes> {
    let tensor = &graph.tensors[id.index()];
    let channels = tensor.shape.channels;
    tensor.given.map(|given| Codes { scale: vec![given.scale; channels], zero: vec![u16::from(given.zero); channels] })
}

/// What was kept, where there was anything to keep.
pub fn note(graph: &Graph, draft: &Draft<'_>) -> Option<String> {
    if !graph.is_quantized() {
        return None;
    }
    let mut own = Vec::new();
    let mut kept = 0;
    for site in draft.sites.iter().filter(|site| graph.shape(site.output).pixels() > 1) {
        let Kind::Map(held) = &draft.q.tensor(site.output).kind else { continue };
        if codes(graph, site.output).is_some_and(|given| given == *held) {
            kept += 1;
        } else {
            own.push(site.node.name.as_str());
        }
    }
    let mut text =
        format!("the file's own codes are kept for {kept} of {} maps, and no layer is changed", kept + own.len());
    if !own.is_empty() {
        let few = own.get(..3).unwrap_or(&own).join(", ");
        let more = if own.len() > 3 { ", …" } else { "" };
        text += &format!("; it gives none in eight bits with one scale for what {few}{more} makes");
    }
    Some(text)
}
