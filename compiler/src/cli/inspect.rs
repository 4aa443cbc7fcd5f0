//! `inspect`.

use super::arguments::InspectArguments;
use super::{line, print_json, table};
use crate::error::Result;
use crate::graph::Graph;
use crate::pipeline;
use crate::plan;
use crate::quantize;
use crate::quantize::recipe::Recipe;

/// `bakelite inspect`.
pub fn inspect(arguments: &InspectArguments) -> Result<()> {
    let options = arguments.reading.options();
    let loaded = pipeline::load(&arguments.model, &options)?;
    let graph = &loaded.canonical;
    let obstacle = would_not_compile(&loaded, &options).err();
    if arguments.json {
        let recognised = loaded.recognised.as_ref();
        return print_json(&serde_json::json!({
            "file": arguments.model,
            "sha256": loaded.hash.to_string(),
            "exporter": recognised.map(|r| r.dialect.to_string()),
            "architecture": recognised.map(|r| &r.architecture),
            "differences": recognised.map(|r| &r.differences),
            "macs": graph.macs(),
            "parameters": graph.parameters(),
            "input": { "name": graph.name_of(graph.input), "shape": shape(graph, graph.input) },
            "outputs": graph.outputs.iter().enumerate().map(|(index, &id)| serde_json::json!({
                "name": graph.output_name(index), "shape": shape(graph, id) })).collect::<Vec<_>>(),
            "preprocess": recognised.map(|r| r.preprocess),
            "notes": loaded.notes,
            "compiles": obstacle.is_none(),
            "obstacle": obstacle.map(|e| e.to_string()),
        }));
    }
    let mut t = table::new(&["model", &arguments.model.display().to_string()]);
    let mut put = |key: &str, value: String| table::row(&mut t, &[key.to_owned(), value]);
    if let Some(r) = &loaded.recognised {
        put("network", r.architecture.clone());
        put("exporter", r.dialect.to_string());
        for difference in &r.differences {
            put("differs", difference.clone());
        }
        put("preprocessing", format!("{} ({})", r.preprocess, r.preprocess_reason));
    }
    let [h, w, c] = shape(graph, graph.input);
    put("input", format!("{} {h}×{w}×{c}", graph.name_of(graph.input)));
    for (index, &id) in graph.outputs.iter().enumerate() {
        let [h, w, c] = shape(graph, id);
        put("output", format!("{} {h}×{w}×{c}", graph.output_name(index)));
    }
    put("multiply-accumulates", format!("{:.1} M", graph.macs() as f64 / 1e6));
    put("parameters", format!("{}", graph.parameters()));
    put("nodes", format!("{} as written, {} after the rewrites", loaded.imported.nodes.len(), graph.nodes.len()));
    put("compiles", obstacle.as_ref().map_or("yes".into(), |e| format!("no: {e}")));
    line(&t)?;
    for note in &loaded.notes {
        line(format!("  · {note}"))?;
    }
    if let Some(remedy) = obstacle.and_then(|e| e.remedy) {
        line(format!("  help: {remedy}"))?;
    }
    if arguments.layers {
        line(format!("\n{graph}"))?;
    }
    Ok(())
}

fn shape(graph: &Graph, id: crate::graph::TensorId) -> [usize; 3] {
    let s = graph.tensors[id.index()].shape;
    [s.height, s.width, s.channels]
}

/// Quantizes and plans with made-up ranges: whatever would refuse later refuses now.
fn would_not_compile(loaded: &pipeline::Loaded, options: &pipeline::ModelOptions) -> Result<()> {
    let (prepared, _) = pipeline::prepare(loaded, options)?;
    let q =
        quantize::quantize(&prepared.graph, &quantize::ranges::made_up(&prepared.graph), &Recipe::load("default")?)?;
    plan::plan(&q, bakelite_runtime::isa::Level::Portable).map(|_| ())
}
