//! From floats to integers: `Graph` and the ranges of its tensors become a [`QGraph`].
//!
//! 1. [`sites`]: which integer operation does which float nodes;
//! 2. [`kinds`]: which tensors are maps (u8), wide vectors (u16) or reals (f32);
//! 3. [`scales`]: a scale and zero point per channel, shared out between producer and readers;
//! 4. [`filters`]: weights rounded;
//! 5. [`lower`]: factors and summands folded, and the proof that nothing overflows ([`bounds`]).

pub mod bounds;
pub mod convert;
pub mod filters;
pub mod fine;
pub mod fixed;
pub mod given;
pub mod kinds;
pub mod lower;
pub mod ranges;
pub mod readers;
pub mod recipe;
pub mod scales;
pub mod sites;
pub mod start;
pub mod weights;

use crate::error::{Error, Result, Stage};
use crate::graph::{Graph, TensorId};
use crate::qgraph::{Codes, Kind, QGraph, QNode, QOutput, QTensor, Shape};
use crate::weightless::SoftmaxMap;
use convert::convert;
use filters::Filters;
use kinds::Form;
use ranges::TensorRange;
use readers::Readers;
use recipe::{Recipe, Step};
use scales::Consumer;
use sites::{Site, SiteKind};

/// The ranges of tensors, as the observer of the recipe sees them; `None` where a tensor was not observed.
pub type Ranges = Vec<Option<TensorRange>>;

/// A network in integers that still knows where each integer came from, so that single layers can be made anew.
#[derive(Clone, Debug)]
pub struct Draft<'g> {
    /// The float graph as integer operations.
    pub sites: Vec<Site<'g>>,
    /// The integers.
    pub q: QGraph,
    /// The integer weights of each site that has any.
    pub filters: Vec<Option<Filters>>,
    /// The node of each site in `q.nodes`.
    pub node: Vec<usize>,
}

impl Draft<'_> {
    /// Gives a site other weights; nothing changes where they are refused.
    ///
    /// # Errors
    /// Where an accumulator could overflow.
    pub fn set(&mut self, site: usize, filters: Filters) -> Result<()> {
        self.q.nodes[self.node[site]] = self.lowered(site, &filters)?;
        self.filters[site] = Some(filters);
        Ok(())
    }

    /// The node of a site if it had these weights.
    ///
    /// # Errors
    /// Where an accumulator could overflow.
    pub fn lowered(&self, site: usize, filters: &Filters) -> Result<QNode> {
        let inputs = self.q.nodes[self.node[site]].inputs.clone();
        lower::lower(&self.q, &self.sites[site], inputs, Some(filters))
    }
}

/// Quantizes `graph`, whose input is the raw u8 image, from the statistics alone.
pub fn quantize(graph: &Graph, ranges: &Ranges, recipe: &Recipe) -> Result<QGraph> {
    Ok(draft(graph, ranges, recipe)?.q)
}

/// The same, for [`crate::reconstruct`] to improve on.
pub fn draft<'g>(graph: &'g Graph, ranges: &Ranges, recipe: &Recipe) -> Result<Draft<'g>> {
    let sites = sites::sites(graph, recipe)?;
    let forms = kinds::forms(graph, &sites)?;
    let mut tensors = Vec::with_capacity(graph.tensors.len());
    let codes = |id, top| codes(graph, &sites, ranges, recipe, id, top);
    for (index, tensor) in graph.tensors.iter().enumerate() {
        let id = TensorId(index as u32);
        let fine = forms.tensors[index] == Some(Form::Map) && fine::is_fine(graph, &sites, ranges, id);
        if fine {
            let kind = Kind::Map(fine::planes(&codes(id, fine::FINE_TOP)?));
            let shape = Shape { channels: 2 * tensor.shape.channels, ..tensor.shape };
            tensors.push(QTensor { name: tensor.name.clone(), shape, kind, fine });
            continue;
        }
        let kind = match forms.tensors[index] {
            None | Some(Form::Real) => Kind::Real,
            Some(Form::Map) => Kind::Map(codes(id, 255)?),
            Some(Form::Wide) => {
                let top = recipe.wide_top();
                Kind::Wide { codes: codes(id, top)?, top }
            }
        };
        tensors.push(QTensor { name: tensor.name.clone(), shape: tensor.shape, kind, fine });
    }
    let outputs = outputs(graph, ranges)?;
    let mut q = QGraph { name: graph.name.clone(), tensors, nodes: Vec::new(), input: graph.input, outputs };
    let (mut filters, mut node) = (Vec::with_capacity(sites.len()), Vec::with_capacity(sites.len()));
    for (site, wanted) in sites.iter().zip(&forms.wanted) {
        let mut inputs = site.inputs.clone();
        for (input, &form) in inputs.iter_mut().zip(wanted) {
            let own = *input;
            *input = convert(&mut q, own, form, &site.node.name, recipe.wide_top(), &|top| codes(own, top))?;
        }
        let mut made = None;
        if let SiteKind::Gated { conv, .. } = &site.kind {
            // The statistics of the map times the gate.
            let (x, seen) = (q.tensor(inputs[0]), ranges[site.node.inputs[0].index()].as_ref());
            let seen = seen.map(|seen| fine::seen(seen, x));
            made = x.codes().map(|codes| Filters::gated(&fine::reading(conv, x), codes, seen.as_deref(), recipe));
        }
        if let SiteKind::Conv { conv, .. } = &site.kind {
            let (x, seen) = (q.tensor(inputs[0]), ranges[site.inputs[0].index()].as_ref());
            let seen = seen.map(|seen| fine::seen(seen, x));
            made = x.codes().map(|codes| Filters::rounded(&fine::reading(conv, x), codes, seen.as_deref(), recipe));
        }
        let lowered = lower::lower(&q, site, inputs, made.as_ref())?;
        node.push(q.nodes.len());
        q.nodes.push(lowered);
        filters.push(made);
    }
    // A vector that others read as codes is answered in reals all the same.
    for index in 0..q.outputs.len() {
        let QOutput { name, tensor, .. } = q.outputs[index].clone();
        let made_of = sites.iter().find(|site| site.output == tensor);
        let classes = made_of.is_some_and(|site| matches!(site.kind, SiteKind::ArgMax));
        if q.tensor(tensor).shape.pixels() == 1 && !classes {
            let top = recipe.wide_top();
            q.outputs[index].tensor = convert(&mut q, tensor, Form::Real, &name, top, &|top| codes(tensor, top))?;
        }
    }
    Ok(Draft { sites, q, filters, node })
}

/// What the network answers.
fn outputs(graph: &Graph, ranges: &Ranges) -> Result<Vec<QOutput>> {
    let refuse =
        |cause| Err(Error::new(Stage::Quantize, cause).at(&graph.name).remedy("export the model with an output"));
    if graph.outputs.is_empty() {
        return refuse("the network has no output");
    }
    if graph.outputs.contains(&graph.input) {
        return refuse("the network answers its own image");
    }
    let output = |(index, &tensor): (usize, &TensorId)| {
        let range = ranges[tensor.index()].as_ref();
        let largest =
            range.map_or(0.0, |r| r.lo.iter().chain(&r.hi).fold(0.0_f32, |most, value| most.max(value.abs())));
        let step = if largest > 0.0 { largest / 127.0 } else { 1.0 };
        QOutput { name: graph.output_name(index).to_owned(), tensor, step }
    };
    Ok(graph.outputs.iter().enumerate().map(output).collect())
}

/// Scale and zero point of a tensor that has codes.
fn codes(graph: &Graph, sites: &[Site<'_>], ranges: &Ranges, recipe: &Recipe, id: TensorId, top: u16) -> Result<Codes> {
    let channels = graph.tensors[id.index()].shape.channels;
    if id == graph.input {
        return Ok(Codes { scale: vec![1.0; channels], zero: vec![0; channels] });
    }
    if let Some(codes) = given::codes(graph, sites, id).filter(|_| top == 255) {
        return Ok(codes);
    }
    // What only moves codes has those of what it reads.
    match sites.iter().find(|s| s.output == id) {
        Some(Site { kind: SiteKind::MaxPool(_) | SiteKind::Resize(_), inputs, .. }) => {
            return codes(graph, sites, ranges, recipe, inputs[0], top);
        }
        Some(Site { kind: SiteKind::Moves(moves), inputs, .. })
            if !(moves.is_spread() && graph.shape(inputs[0]).pixels() == 1) =>
        {
            let parts = inputs.iter().map(|&input| codes(graph, sites, ranges, recipe, input, top));
            let parts = parts.collect::<Result<Vec<Codes>>>()?;
            let of: Vec<usize> = parts.iter().map(|part| part.scale.len()).collect();
            let (scale, zero) = moves
                .sources(&of)
                .into_iter()
                .map(|(input, channel)| (parts[input].scale[channel], parts[input].zero[channel]))
                .unzip();
            return Ok(Codes { scale, zero });
        }
        Some(Site { kind: SiteKind::ArgMax, .. }) => return Ok(Codes { scale: vec![1.0], zero: vec![0] }),
        Some(Site { kind: SiteKind::Softmax, .. }) if top == 255 => return Ok(SoftmaxMap::codes(channels)),
        Some(_) | None => {}
    }
    let readers = Readers::of(graph, sites, id);
    let mut consumers = readers.consumers();
    if top <= 255 && sites.iter().any(|s| s.output == id && matches!(s.kind, SiteKind::Function(_))) {
        consumers.push(Consumer::Uniform);
    }
    let mut range = ranges[id.index()].clone().ok_or_else(|| {
        Error::new(Stage::Quantize, "no statistics of this tensor were collected")
            .at(&graph.tensors[id.index()].name)
            .remedy("calibrate again with this version of the model")
    })?;
    range = range.widened(recipe.headroom(graph.tensors[id.index()].shape.pixels(), top));
    if let Some(site) = sites.iter().find(|s| s.output == id) {
        let (lo, hi) = lower::image(site);
        range = range.clipped(lo, hi);
    }
    // A table's argument needs no codes where its function stands still.
    let (lo, hi) = readers.seen();
    range = range.clipped(lo, hi);
    if !recipe.has(Step::ChannelScales) {
        range = range.per_tensor();
    }
    Ok(scales::choose(&range, top, &consumers, recipe.alphas()))
}
