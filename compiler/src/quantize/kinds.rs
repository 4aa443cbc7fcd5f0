//! Which tensors are maps of u8, wide vectors of u16, or reals; and in which of these forms each site reads them.
//!
//! Every tensor of several pixels is a map. A vector is held as whoever makes it makes it best, and converted for those of its
//! readers that need another form ([`mod@super::convert`]): dense layers read wide codes; gates, functions, sums and products of
//! vectors, and the network's users read reals.

use super::sites::{Site, SiteKind};
use crate::error::{Error, Result, Stage};
use crate::graph::{Graph, TensorId};
use crate::ops::Activation;

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

/// The forms of a network.
pub struct Forms {
    /// Of every tensor that a site writes; `None` for those that vanish in a fusion.
    pub tensors: Vec<Option<Form>>,
    /// In which form each site reads each of its inputs.
    pub wanted: Vec<Vec<Form>>,
}

/// Decides them, site after site.
pub fn forms(graph: &Graph, sites: &[Site<'_>]) -> Result<Forms> {
    let mut forms = Forms { tensors: vec![None; graph.tensors.len()], wanted: Vec::with_capacity(sites.len()) };
    forms.tensors[graph.input.index()] = Some(Form::Map);
    for site in sites {
        let inputs = site.inputs.iter().map(|id| forms.tensors[id.index()]).collect::<Option<Vec<Form>>>();
        let inputs = inputs.ok_or_else(|| {
            Error::new(Stage::Quantize, "it reads what a fusion has done away with").at(&site.node.name)
        })?;
        let (wanted, output) = form(graph, sites, site, &inputs);
        forms.wanted.push(wanted);
        forms.tensors[site.output.index()] = Some(output);
    }
    Ok(forms)
}

/// In which forms a site reads its inputs, which are held as `inputs`, and which form its result has.
fn form(graph: &Graph, sites: &[Site<'_>], site: &Site<'_>, inputs: &[Form]) -> (Vec<Form>, Form) {
    let pixels = |id: TensorId| graph.shape(id).pixels();
    let is_vector = pixels(site.output) == 1;
    let vectors = is_vector && site.inputs.iter().all(|&id| pixels(id) == 1);
    let all_maps = inputs.iter().all(|&form| form == Form::Map);
    let all = |form: Form| vec![form; inputs.len()];
    // Elementwise on what is a map, and in reals on what is a vector.
    let elementwise = || if all_maps || !is_vector { Form::Map } else { Form::Real };
    match &site.kind {
        SiteKind::Conv { activation, .. } => {
            let output = if vectors { dense(graph, sites, site, *activation, inputs[0]) } else { Form::Map };
            let first = if output == Form::Map { Form::Map } else { Form::Wide };
            (std::iter::once(first).chain(inputs.iter().skip(1).map(|_| Form::Map)).collect(), output)
        }
        SiteKind::Gated { .. } => {
            let wanted = (0..inputs.len()).map(|i| if i == 1 { Form::Real } else { Form::Map }).collect();
            (wanted, Form::Map)
        }
        SiteKind::Gate { .. } if !is_vector || inputs[0] == Form::Map => (vec![Form::Map, Form::Real], Form::Map),
        SiteKind::Gate { .. } => (all(Form::Real), Form::Real),
        SiteKind::Mean => {
            let real = readers(graph, sites, site.output).any_real();
            (all(Form::Map), if real { Form::Real } else { Form::Wide })
        }
        SiteKind::Moves(moves) if moves.is_spread() && pixels(site.inputs[0]) == 1 && inputs[0] != Form::Map => {
            (all(Form::Real), if is_vector { Form::Real } else { Form::Map })
        }
        SiteKind::Moves(_) if all_maps || !vectors => (all(Form::Map), Form::Map),
        SiteKind::Moves(_) => (all(Form::Real), Form::Real),
        SiteKind::Add { .. } | SiteKind::Product | SiteKind::Function(_) | SiteKind::Line { .. } => {
            (all(elementwise()), elementwise())
        }
        SiteKind::Softmax if is_vector => (all(Form::Real), Form::Real),
        SiteKind::Softmax
        | SiteKind::Resize(_)
        | SiteKind::AveragePool(_)
        | SiteKind::MaxPool(_)
        | SiteKind::ArgMax => (all(Form::Map), Form::Map),
    }
}

/// The form of a dense layer's result: codes for other dense layers, reals for everybody else, if its epilogue can make them.
fn dense(graph: &Graph, sites: &[Site<'_>], site: &Site<'_>, activation: Option<Activation>, input: Form) -> Form {
    let makes_reals = match activation {
        None => true,
        Some(Activation::Clip { .. } | Activation::HardSigmoid { .. } | Activation::Sigmoid) => true,
        Some(
            Activation::HardSwish
            | Activation::HardSwishLike { .. }
            | Activation::Silu { .. }
            | Activation::Tanh
            | Activation::Leaky { .. },
        ) => false,
    };
    let readers = readers(graph, sites, site.output);
    let real = makes_reals && (readers.gates || (readers.reals && input != Form::Map));
    match input {
        _ if real || activation == Some(Activation::Sigmoid) => Form::Real,
        Form::Map => Form::Map,
        Form::Wide | Form::Real => Form::Wide,
    }
}

/// Who reads a vector.
struct VectorReaders {
    /// Gates, softmax, the network's users: they take nothing but reals.
    gates: bool,
    /// Those who compute in reals, unless the vector is held as a map.
    reals: bool,
}

impl VectorReaders {
    fn any_real(&self) -> bool {
        self.gates || self.reals
    }
}

fn readers(graph: &Graph, sites: &[Site<'_>], id: TensorId) -> VectorReaders {
    let mut readers = VectorReaders { gates: graph.outputs.contains(&id), reals: false };
    for site in sites {
        let at = |position: usize| site.inputs.get(position) == Some(&id);
        match &site.kind {
            SiteKind::Gate { .. } | SiteKind::Gated { .. } => {
                readers.gates |= at(1);
                readers.reals |= at(0);
            }
            SiteKind::Softmax => readers.gates |= at(0),
            SiteKind::Moves(_)
            | SiteKind::Add { .. }
            | SiteKind::Product
            | SiteKind::Function(_)
            | SiteKind::Line { .. } => readers.reals |= site.inputs.contains(&id),
            SiteKind::Conv { .. }
            | SiteKind::Mean
            | SiteKind::Resize(_)
            | SiteKind::AveragePool(_)
            | SiteKind::MaxPool(_)
            | SiteKind::ArgMax => {}
        }
    }
    readers
}
