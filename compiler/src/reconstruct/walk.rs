//! Both networks, layer by layer, on the calibration pictures: the float one, and the integer one as far as it is made.
//!
//! For every picture the tensors of one cut through the network are kept, in float and in codes; a layer's inputs are
//! computed from there. The cut moves on whenever the tensors that later layers still need fit the memory; in a network of
//! bottlenecks that is after every block, and a layer between is computed a few times.

use crate::error::{Error, Result, Stage};
use crate::execute;
use crate::graph::{Graph, TensorId};
use crate::plan::run::Memory;
use crate::plan::single::Single;
use crate::qgraph::reference::Value;
use crate::quantize::Draft;
use ndarray::Array3;
use rayon::prelude::*;

/// Bytes of all cuts together: what they may take, if a later cut is not smaller.
pub const BUDGET: usize = 256 << 20;

/// The tensors of one picture.
#[derive(Clone)]
pub struct Sight {
    /// In float, by id.
    pub float: execute::Values,
    /// In integers, by id.
    pub codes: Vec<Option<Value>>,
}

/// Where the walk stands.
pub struct Walk<'g> {
    graph: &'g Graph,
    sights: Vec<Sight>,
    /// The first integer node that is not packed yet.
    next: usize,
    /// The packed nodes from the cut on.
    packed: Vec<Single>,
    budget: usize,
}

impl<'g> Walk<'g> {
    /// At the beginning: `images` are raw pictures of the network's size. Cuts of more than `budget` bytes are passed over.
    ///
    /// # Errors
    /// Where a picture has another size.
    pub fn new(graph: &'g Graph, tensors: usize, images: Vec<Vec<u8>>, budget: usize) -> Result<Self> {
        let sights = images
            .into_par_iter()
            .map(|image| {
                let mut sight = Sight { float: vec![None; graph.tensors.len()], codes: vec![None; tensors] };
                sight.float[graph.input.index()] = Some(crate::calibrate::input(graph, &image)?);
                sight.codes[graph.input.index()] = Some(Value::Map(image));
                Ok(sight)
            })
            .collect::<Result<Vec<Sight>>>()?;
        Ok(Self { graph, sights, next: 0, packed: Vec::new(), budget })
    }

    /// Number of pictures.
    pub fn pictures(&self) -> usize {
        self.sights.len()
    }

    /// What `see` makes of the tensors `wanted` of each picture, in the order of the pictures; integers are at hand for all
    /// sites before the first that is not packed yet.
    ///
    /// # Errors
    /// What `see` refuses.
    pub fn see<T: Send>(
        &self,
        wanted: &[TensorId],
        see: impl Fn(usize, &[&Array3<f32>], &[Option<Value>]) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        self.sights
            .par_iter()
            .enumerate()
            .map_init(
                || self.packed.iter().map(Single::memory).collect::<Vec<Memory>>(),
                |memories, (picture, sight)| {
                    let mut sight = sight.clone();
                    self.advance(&mut sight, wanted, memories)?;
                    let missing = || Error::new(Stage::Quantize, "a tensor is not there");
                    let floats = wanted
                        .iter()
                        .map(|id| sight.float[id.index()].as_ref().ok_or_else(missing))
                        .collect::<Result<Vec<_>>>()?;
                    see(picture, &floats, &sight.codes)
                },
            )
            .collect()
    }

    fn advance(&self, sight: &mut Sight, wanted: &[TensorId], memories: &mut [Memory]) -> Result<()> {
        execute::advance(self.graph, &mut sight.float, wanted)?;
        for (single, memory) in self.packed.iter().zip(memories) {
            let value = single.run(memory, &sight.codes)?;
            sight.codes[single.output().index()] = Some(value);
        }
        Ok(())
    }

    /// The nodes that come before that of site `site` are final.
    ///
    /// # Errors
    /// Where a node has no kernel.
    pub fn pass_before(&mut self, draft: &Draft<'_>, site: usize) -> Result<()> {
        while self.next < draft.node[site] {
            self.packed.push(Single::new(&draft.q, &draft.q.nodes[self.next])?);
            self.next += 1;
        }
        Ok(())
    }

    /// The nodes up to and with that of site `site` are final.
    ///
    /// # Errors
    /// Where a node has no kernel.
    pub fn pass(&mut self, draft: &Draft<'_>, site: usize) -> Result<()> {
        self.pass_before(draft, site)?;
        self.packed.push(Single::new(&draft.q, &draft.q.nodes[draft.node[site]])?);
        self.next = draft.node[site] + 1;
        let alive = alive(draft, site);
        let bytes: usize = alive.iter().map(|&id| 4 * self.graph.shape(id).len() + draft.q.tensor(id).bytes()).sum();
        if bytes * self.sights.len() > self.budget && site + 1 < draft.sites.len() {
            return Ok(());
        }
        let sights = std::mem::take(&mut self.sights);
        let moved = sights
            .into_par_iter()
            .map_init(
                || self.packed.iter().map(Single::memory).collect::<Vec<Memory>>(),
                |memories, mut sight| {
                    self.advance(&mut sight, &alive, memories)?;
                    for index in 0..sight.codes.len() {
                        if !alive.contains(&TensorId(index as u32)) {
                            sight.codes[index] = None;
                        }
                    }
                    for index in 0..sight.float.len() {
                        if !alive.contains(&TensorId(index as u32)) {
                            sight.float[index] = None;
                        }
                    }
                    Ok(sight)
                },
            )
            .collect::<Result<Vec<Sight>>>()?;
        self.sights = moved;
        self.packed.clear();
        Ok(())
    }
}

/// What sites after `site` read of what it and those before it made.
fn alive(draft: &Draft<'_>, site: usize) -> Vec<TensorId> {
    let mut alive: Vec<TensorId> = draft.sites[site + 1..].iter().flat_map(|s| s.inputs.iter().copied()).collect();
    alive.retain(|&id| id == draft.q.input || draft.sites[..=site].iter().any(|s| s.output == id));
    alive.sort_unstable();
    alive.dedup();
    alive
}
