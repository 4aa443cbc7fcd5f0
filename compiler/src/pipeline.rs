//! The stages in order; each is a function from value to value.
//!
//! ```text
//! bytes ─onnx::read─► Model ─import─► Graph ─passes─► Graph ─calibrate─► Profile ─quantize─► QGraph
//!       ─plan─► Plan ─emit─► Files ─write, build─► program ─verify, evaluate─► report
//! ```

use crate::dataset::Preprocess;
use crate::error::{Error, Result, Stage};
use crate::graph::{Graph, Node};
use crate::import::{self, ImportOptions};
use crate::onnx;
use crate::ops::Op;
use crate::passes;
use crate::recognise::{Recognised, recognise};
use crate::specs;
use bakelite_calibration::Hash;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// How a model is read.
#[derive(Clone, Debug, Default)]
pub struct ModelOptions {
    /// Height and width, for models that leave them open.
    pub input_size: Option<(usize, usize)>,
    /// Leave sigmoid and swish exact.
    pub keep_sigmoid: bool,
    /// Give activations scales of our own where the file has some.
    pub requantize: bool,
    /// Name or path of a preprocess spec; guessed from the dialect otherwise.
    pub preprocess: Option<String>,
}

/// A model as read, before preprocessing.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Its file.
    pub path: PathBuf,
    /// The file's graph as it is, channels last.
    pub imported: Graph,
    /// The same after the rewrites, taking preprocessed values.
    pub canonical: Graph,
    /// The canonical form with true sigmoid and swish, where hard forms took their place.
    pub exact: Option<Graph>,
    /// What was assumed and rewritten.
    pub notes: Vec<String>,
    /// What it seems to be.
    pub recognised: Option<Recognised>,
    /// SHA-256 of file and options.
    pub hash: Hash,
}

/// A model that takes raw pixels.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// Takes raw RGB, 0…255.
    pub graph: Graph,
    /// The same with true sigmoid and swish, where hard forms took their place: what the user's file means. Node by node and
    /// tensor by tensor it is [`Prepared::graph`] with other functions, so that layers can be aimed at it.
    pub exact: Option<Graph>,
    /// From a picture to that.
    pub preprocess: Preprocess,
    /// Name or path of the spec.
    pub preprocess_name: String,
    /// Why that one.
    pub preprocess_reason: String,
}

impl Prepared {
    /// The float network of the user's file.
    pub fn truth(&self) -> &Graph {
        self.exact.as_ref().unwrap_or(&self.graph)
    }
}

/// Reads an ONNX file and brings it into canonical form.
pub fn load(path: &Path, options: &ModelOptions) -> Result<Loaded> {
    let bytes = std::fs::read(path).map_err(|e| {
        Error::new(Stage::Read, format!("cannot be read: {e}"))
            .at(path.display().to_string())
            .remedy("give the path of an .onnx file")
    })?;
    let model = onnx::read(&bytes, path.parent())?;
    let mut imported = import::import(&model, &ImportOptions { input_size: options.input_size })?;
    if options.requantize {
        imported.graph.tensors.iter_mut().for_each(|tensor| tensor.given = None);
    }
    let mut notes = imported.notes;
    let options_of_passes = passes::Options { keep_sigmoid: options.keep_sigmoid };
    let (canonical, log) = passes::run(imported.graph.clone(), &options_of_passes)?;
    notes.extend(log);
    let soft = |node: &Node| matches!(node.op, Op::Activation(function) if function.is_soft());
    let exact = if !options.keep_sigmoid && imported.graph.nodes.iter().any(soft) {
        let (exact, _) = passes::run(imported.graph.clone(), &passes::Options { keep_sigmoid: true })?;
        Some(exact).filter(|exact| *exact != canonical)
    } else {
        None
    };
    let recognised = recognise(&model, &canonical);
    let mut hash = Sha256::new();
    hash.update(&bytes);
    hash.update([u8::from(options.keep_sigmoid)]);
    let shape = canonical.tensors[canonical.input.index()].shape;
    hash.update(format!("{}x{}x{}", shape.height, shape.width, shape.channels));
    let hash = Hash(hash.finalize().into());
    Ok(Loaded { path: path.to_owned(), imported: imported.graph, canonical, exact, notes, recognised, hash })
}

/// Folds the preprocessing into the first convolution.
pub fn prepare(loaded: &Loaded, options: &ModelOptions) -> Result<(Prepared, Vec<String>)> {
    let (name, reason) = match (&options.preprocess, &loaded.recognised) {
        (Some(name), _) => (name.clone(), "as asked".to_owned()),
        (None, Some(r)) => (r.preprocess.to_owned(), r.preprocess_reason.clone()),
        (None, None) => ("torchvision".to_owned(), "the most common".to_owned()),
    };
    let spec = specs::preprocess::load(&name)?;
    let input = loaded.canonical.tensors[loaded.canonical.input.index()].shape;
    let preprocess = Preprocess::new(&spec, input)?;
    let bgr = preprocess.order() != [0, 1, 2];
    // The spec counts by the network's channels, the pass by those of the picture.
    let by_picture = |values: [f32; 3]| if bgr { [values[2], values[1], values[0]] } else { values };
    let mean = by_picture(preprocess.mean.map(|m| m * preprocess.divisor));
    let scale = by_picture(preprocess.scale().map(|s| s as f32));
    let fold = |graph: &Graph| passes::fold_preprocess(graph.clone(), mean, scale, bgr);
    let (graph, mut log) = fold(&loaded.canonical)?;
    let exact = match loaded.exact.as_ref().map(|exact| passes::soften(&graph, exact)) {
        Some(Ok(exact)) => Some(exact),
        Some(Err(error)) => {
            log.push(format!("warning: what the hard forms of sigmoid and swish change will not be measured: {error}"));
            None
        }
        None => None,
    };
    // Last: nodes are told apart by their names until here.
    let (graph, merged) = passes::merge(graph)?;
    let exact = exact.map(passes::merge).transpose()?.map(|(exact, _)| exact);
    log.extend(merged);
    Ok((Prepared { graph, exact, preprocess, preprocess_name: name, preprocess_reason: reason }, log))
}

/// A name for crate and program from the file's: lower case, digits, underscores.
pub fn crate_name(path: &Path) -> String {
    let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    let mut name: String =
        stem.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect();
    while name.contains("__") {
        name = name.replace("__", "_");
    }
    // No file system and no linker minds a name of this length.
    let name = name.trim_matches('_');
    let name = name.get(..64).unwrap_or(name).trim_end_matches('_');
    // A crate called like a keyword, or like one of its own modules, does not compile.
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || RESERVED.contains(&name) {
        format!("net_{name}").trim_end_matches('_').to_owned()
    } else {
        name.to_owned()
    }
}

/// Words of the language, names of its own crates and of the program's, and folders of cargo's.
const RESERVED: [&str; 66] = [
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "box",
    "break",
    "build",
    "const",
    "continue",
    "core",
    "crate",
    "deps",
    "do",
    "dyn",
    "else",
    "enum",
    "examples",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "gen",
    "if",
    "impl",
    "in",
    "incremental",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "model",
    "move",
    "mut",
    "override",
    "png",
    "priv",
    "proc_macro",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "try",
    "type",
    "typeof",
    "unsafe",
    "unsized",
    "use",
    "virtual",
    "where",
    "while",
    "yield",
    "zune_core",
    "zune_jpeg",
    "union",
    "main",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_fit_for_crates() {
        assert_eq!(crate_name(Path::new("a/MobileNet-V3.small.onnx")), "mobilenet_v3_small");
        assert_eq!(crate_name(Path::new("3d.onnx")), "net_3d");
        assert_eq!(crate_name(Path::new("test.onnx")), "net_test");
        assert_eq!(crate_name(Path::new("—.onnx")), "net");
        assert_eq!(crate_name(Path::new("while.onnx")), "net_while");
        assert_eq!(crate_name(&Path::new(&"long".repeat(40)).with_extension("onnx")).len(), 64);
    }
}
