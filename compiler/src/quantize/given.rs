//! Codes that the file itself gives: of networks that were quantized, or trained quantized, by somebody else.
//!
//! A map in eight bits with one scale has the same steps here, and the same zero point unless a bound forbids it: a clip is nothing but
//! the end of the codes in our arithmetic (eq. 13), so a ReLU in codes around zero (symmetric ones) begins with code 0 all the same. What the
//! file has and is not kept: the rounding of sums before a residual is added and of maps before a gate or a function, which our epilogues
//! do without; codes of vectors, which have 12 bits here or are reals; codes of 16 bits and of several scales, which become our own.

use super::Draft;
use super::sites::{Site, SiteKind};
use crate::graph::{Given, Graph, TensorId};
use crate::ops::Activation;
use crate::qgraph::{Codes, Kind};

/// The codes of a tensor, for all its channels; `None` where the file gives none, or such as cannot end where its clip does.
pub fn codes(graph: &Graph, sites: &[Site<'_>], id: TensorId) -> Option<Codes> {
    let tensor = &graph.tensors[id.index()];
    let Given { scale, mut zero } = tensor.given?;
    if let Some((lo, hi)) = sites.iter().find(|site| site.output == id).and_then(clip) {
        let half = scale / 2.0;
        if -f32::from(zero) * scale < lo - half {
            if lo != 0.0 {
                return None;
            }
            zero = 0;
        }
        if f32::from(255 - zero) * scale > hi + half {
            return None;
        }
    }
    let channels = tensor.shape.channels;
    Some(Codes { scale: vec![scale; channels], zero: vec![u16::from(zero); channels] })
}

/// The bounds that saturation has to keep for a site.
fn clip(site: &Site<'_>) -> Option<(f32, f32)> {
    match &site.kind {
        SiteKind::Conv { activation, .. }
        | SiteKind::Gated { activation, .. }
        | SiteKind::Gate { activation }
        | SiteKind::Add { activation } => match activation {
            Some(Activation::Clip { lo, hi }) => Some((*lo, *hi)),
            _ => None,
        },
        _ => None,
    }
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
        if codes(graph, &draft.sites, site.output).is_some_and(|given| given == *held) {
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
        text += &format!(
            "; for what {few}{more} makes it gives none in eight bits with one scale, or such as pass its bounds"
        );
    }
    Some(text)
}
