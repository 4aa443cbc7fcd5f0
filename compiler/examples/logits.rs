//! Prints or dumps the logits of a model on raw inputs, for comparing with another runtime.
//!
//! `logits MODEL.onnx INPUTS.f32 OUTPUTS.f32 [--passes] [--dump] [--size HxW]`: `INPUTS.f32` holds one or more images as
//! little-endian f32, height × width × channels each, already preprocessed as the network wants them. The outputs of
//! all images are written one after the other; time per image and the graph's notes are printed.

use bakelite::import::{ImportOptions, import};
use bakelite::{execute, onnx, passes, recognise};
use ndarray::Array3;
use std::error::Error;
use std::path::Path;
use std::time::Instant;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, inputs, outputs, options @ ..] = arguments.as_slice() else {
        return Err("usage: logits MODEL.onnx INPUTS.f32 OUTPUTS.f32 [--passes] [--size HxW]".into());
    };
    let size = options.iter().position(|o| o == "--size").and_then(|i| options.get(i + 1));
    let input_size = match size {
        Some(text) => {
            let (h, w) = text.split_once('x').ok_or("the size is written 224x224")?;
            Some((h.parse()?, w.parse()?))
        }
        None => None,
    };
    let bytes = std::fs::read(model)?;
    let model = onnx::read(&bytes, Path::new(model).parent())?;
    let imported = import(&model, &ImportOptions { input_size })?;
    let mut graph = imported.graph;
    if options.iter().any(|o| o == "--passes") {
        let (rewritten, log) = passes::run(graph, &passes::Options { keep_sigmoid: true })?;
        log.iter().for_each(|line| println!("pass: {line}"));
        graph = rewritten;
    }
    if let Some(r) = recognise::recognise(&model, &graph) {
        println!("{}; {}; {} MACs, {} parameters", r.dialect, r.architecture, r.macs, r.parameters);
        r.differences.iter().for_each(|d| println!("  {d}"));
        println!("preprocess {}: {}", r.preprocess, r.preprocess_reason);
    }
    if options.iter().any(|o| o == "--dump") {
        print!("{graph}");
    }
    for note in &imported.notes {
        println!("note: {note}");
    }
    let shape = graph.shape(graph.input);
    let raw = std::fs::read(inputs)?;
    let (numbers, _) = raw.as_chunks::<4>();
    let numbers: Vec<f32> = numbers.iter().map(|b| f32::from_le_bytes(*b)).collect();
    let mut written = Vec::new();
    let (mut count, mut fastest) = (0, f64::INFINITY);
    for image in numbers.chunks_exact(shape.len()) {
        let x = Array3::from_shape_vec((shape.height, shape.width, shape.channels), image.to_vec())?;
        let start = Instant::now();
        let results = execute::run(&graph, &x, &mut |_, _| {})?;
        fastest = fastest.min(start.elapsed().as_secs_f64());
        count += 1;
        written.extend(results.iter().flatten().flat_map(|v| v.to_le_bytes()));
    }
    std::fs::write(outputs, written)?;
    println!("{count} images, fastest {:.2} ms, {} nodes, {} MACs", fastest * 1e3, graph.nodes.len(), graph.macs());
    Ok(())
}
