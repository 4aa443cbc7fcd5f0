//! What `--keep-sigmoid` would have given: the exact network in integers, to judge the repair of the hard one by.

use super::{Quantized, Request, quantized};
use crate::error::{Result, Stage};
use crate::pipeline::{self, ModelOptions};
use crate::quantize::{kinds, sites};

/// The exact network, quantized as `work` was; none, with a note that says why, where nothing was exchanged or it cannot be.
///
/// # Errors
/// Where pictures cannot be read any more.
pub fn kept(request: &Request, work: &Quantized, notes: &mut Vec<String>) -> Result<Option<Quantized>> {
    if work.prepared.exact.is_none() {
        return Ok(None);
    }
    let mut put = |why: String| notes.push(format!("what --keep-sigmoid would give was not measured: {why}"));
    if request.calib.is_some() {
        put("the statistics given are those of the hard network".into());
        return Ok(None);
    }
    let options = ModelOptions { keep_sigmoid: true, ..request.options.clone() };
    // What has no integer form is known without pictures.
    let graph = pipeline::prepare(&pipeline::load(&request.model, &options)?, &options)?.0.graph;
    let possible = sites::sites(&graph, &work.recipe).and_then(|sites| kinds::forms(&graph, &sites).map(|_| ()));
    match possible.and_then(|()| quantized(&Request { options, ..request.clone() })) {
        Ok(kept) => Ok(Some(kept)),
        Err(error) if error.stage == Stage::Quantize => {
            put(error.to_string());
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
