//! Which tensors are maps of u8, wide vectors of u16, or reals.

use super::sites::{Site, SiteKind};
use crate::error::{Error, Result, Stage};
use crate::graph::{Graph, TensorId};

/// How a tensor is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// u8 codes.
    Map,
    /// u16 codes.
    Wide,
    /// f32.
    Real,
}

/// The form of every tensor that a site reads or writes; `None` for those that vanish in a fusion.
pub fn forms(graph: &Graph, sites: &[Site<'_>]) -> Result<Vec<Option<Form>>> {
    let mut forms = vec![None; graph.tensors.len()];
    forms[graph.input.index()] = Some(Form::Map);
    let wants_real = |id: TensorId| {
        graph.outputs.contains(&id) && graph.shape(id).pixels() == 1
            || sites.iter().any(|s| match s.kind {
                SiteKind::Gate { .. } | SiteKind::Gated { .. } => s.inputs[1] == id,
                SiteKind::Softmax => s.inputs[0] == id,
                _ => false,
            })
    };
    let wants_codes = |id: TensorId| {
        sites.iter().any(|s| match s.kind {
            SiteKind::Gate { .. } => s.inputs[0] == id,
            SiteKind::Gated { .. } => s.inputs[0] == id || s.inputs.get(2) == Some(&id),
            SiteKind::Softmax => false,
            _ => s.inputs.contains(&id),
        })
    };
    for site in sites {
        let refuse = |what: &str| {
            Err(Error::new(Stage::Quantize, what)
                .at(&site.node.name)
                .remedy("this version compiles classifiers: maps, then vectors, then one vector of real outputs"))
        };
        let input = forms[site.inputs[0].index()];
        let real = wants_real(site.output);
        if real && wants_codes(site.output) {
            return refuse("its result is both an output (or gate) and the input of another layer");
        }
        let form = match &site.kind {
            SiteKind::Conv { .. } => match input {
                Some(Form::Wide) if real => Form::Real,
                Some(Form::Wide) => Form::Wide,
                Some(Form::Map) if real && graph.tensors[site.output.index()].shape.pixels() == 1 => Form::Real,
                Some(Form::Map) if real => return refuse("the network's output is a map"),
                Some(Form::Map) => Form::Map,
                Some(Form::Real) | None => return refuse("a layer that reads reals"),
            },
            SiteKind::Gated { .. } => match (input, forms[site.inputs[1].index()]) {
                (Some(Form::Map), Some(Form::Real)) if !real => Form::Map,
                _ => return refuse("a product of something other than a map and a gate"),
            },
            SiteKind::Mean if input == Some(Form::Map) => {
                if real {
                    Form::Real
                } else {
                    Form::Wide
                }
            }
            SiteKind::Mean => return refuse("pooling of something other than a map"),
            SiteKind::Gate { .. } => match (input, forms[site.inputs[1].index()]) {
                (Some(Form::Map), Some(Form::Real)) if !real => Form::Map,
                _ => return refuse("a product of something other than a map and a gate"),
            },
            SiteKind::Add { .. } => match (input, forms[site.inputs[1].index()]) {
                (Some(Form::Map), Some(Form::Map)) if !real => Form::Map,
                _ => return refuse("a sum of something other than two maps"),
            },
            SiteKind::Concat => match (input, forms[site.inputs[1].index()]) {
                (Some(Form::Map), Some(Form::Map)) if !real => Form::Map,
                _ => return refuse("channels side by side of something other than two maps"),
            },
            SiteKind::Function(_) | SiteKind::MaxPool(_) => match input {
                Some(Form::Map) if !real => Form::Map,
                Some(Form::Wide) if soft(&site.kind) => {
                    return Err(Error::new(
                        Stage::Quantize,
                        "a true sigmoid or SiLU of a vector that another layer reads has no integer form yet",
                    )
                    .at(&site.node.name)
                    .remedy("compile without --keep-sigmoid: its hard form is computed from the accumulator, and the difference is measured"));
                }
                _ => return refuse("an elementwise function of something other than a map"),
            },
            SiteKind::Softmax if input == Some(Form::Real) => Form::Real,
            SiteKind::Softmax => return refuse("a softmax of something other than logits"),
        };
        forms[site.output.index()] = Some(form);
    }
    Ok(forms)
}

fn soft(kind: &SiteKind<'_>) -> bool {
    matches!(kind, SiteKind::Function(function) if function.is_soft())
}
