//! The layers of a table, one after the other.

use super::Options;
use super::network::{Conv, Network, Value};
use super::samples;
use crate::error::{Error, Result, Stage};
use crate::specs::architecture::{ArchitectureSpec, Function, Layer, Row};

/// All of them; the last one's result is the answer.
pub(super) fn network(
    spec: &ArchitectureSpec,
    options: &Options,
    size: (usize, usize),
    classes: usize,
) -> Result<Network> {
    let samples = samples::pictures(options.seed, options.samples, size)?;
    let mut network = Network::new(&spec.name, options.seed);
    let mut x = network.input(size, samples);
    let mut kept = None;
    for (number, layer) in spec.layers.iter().enumerate() {
        let name = format!("layer{number}");
        let last = number + 1 == spec.layers.len();
        x = match *layer {
            Layer::Conv { kernel, out, function, stride, padded } => {
                let conv = Conv { kernel, stride, padded, ..Conv::pointwise(out.unwrap_or(classes)) };
                network.unit(&x, &name, conv, spec.batch_norm, function)?
            }
            Layer::Bneck(row) => bneck(&mut network, &x, &name, row, spec)?,
            Layer::Separable { kernel, out, function, stride } => {
                let conv = Conv { kernel, stride, ..Conv::depthwise(x.shape.channels) };
                let y = network.unit(&x, &format!("{name}.depthwise"), conv, spec.batch_norm, function)?;
                network.unit(&y, &format!("{name}.pointwise"), Conv::pointwise(out), spec.batch_norm, function)?
            }
            Layer::Fire { squeeze, one, three } => {
                let relu = Function::Relu;
                let squeeze = Conv::pointwise(squeeze);
                let squeezed = network.unit(&x, &format!("{name}.squeeze"), squeeze, spec.batch_norm, relu)?;
                let three = Conv { kernel: 3, ..Conv::pointwise(three) };
                let a = network.unit(&squeezed, &format!("{name}.one"), Conv::pointwise(one), spec.batch_norm, relu)?;
                let b = network.unit(&squeezed, &format!("{name}.three"), three, spec.batch_norm, relu)?;
                network.concat(&a, &b, &name)
            }
            Layer::MaxPool { kernel, stride } => network.max_pool(&x, &name, kernel, stride)?,
            Layer::Mean if last => {
                let mean = network.mean(&x, &format!("{name}.mean"));
                network.flatten(&mean, &name)
            }
            Layer::Mean => network.mean(&x, &name),
            Layer::Dense { out, function } => {
                if x.shape.pixels() != 1 {
                    return Err(refuse(&name, "`dense` takes a vector", "put a row [mean] in front of it"));
                }
                let x = network.flatten(&x, &format!("{name}.flatten"));
                let y = network.dense(&x, &format!("{name}.dense"), out.unwrap_or(classes), last)?;
                network.function(&y, &format!("{name}.function"), function)
            }
            Layer::Keep => {
                kept = Some(x.clone());
                x
            }
            Layer::LrAspp { channels } => {
                let missing =
                    || refuse(&name, "`lr-aspp` reads a kept map as well", "put a row [keep] behind the layer");
                let low = kept.as_ref().ok_or_else(missing)?;
                lr_aspp(&mut network, &x, low, &name, channels, classes)?
            }
            Layer::Resize => network.resize(&x, &name, size),
        };
    }
    network.answer(&x);
    Ok(network)
}

fn refuse(name: &str, cause: &str, remedy: &str) -> Error {
    Error::new(Stage::Model, cause).at(name).remedy(remedy)
}

/// Expand, depthwise, gate, project; plus the input where the shapes agree.
fn bneck(network: &mut Network, x: &Value, name: &str, row: Row, spec: &ArchitectureSpec) -> Result<Value> {
    let Row { kernel, expanded, out, squeeze_excite, function, stride, dilation } = row;
    let unit = |part: &str| format!("{name}.{part}");
    let mut y = x.clone();
    if expanded != x.shape.channels {
        y = network.unit(&y, &unit("expand"), Conv::pointwise(expanded), spec.batch_norm, function)?;
    }
    let depthwise = Conv { kernel, stride, dilation, ..Conv::depthwise(expanded) };
    y = network.unit(&y, &unit("depthwise"), depthwise, spec.batch_norm, function)?;
    if squeeze_excite {
        let gate = &spec.squeeze_excite;
        let biased = |out: usize| Conv { biased: true, ..Conv::pointwise(out) };
        let mean = network.mean(&y, &unit("mean"));
        let squeezed = biased(gate.squeezed(x.shape.channels, expanded));
        let squeezed = network.unit(&mean, &unit("squeeze"), squeezed, false, gate.function)?;
        let excited = network.unit(&squeezed, &unit("excite"), biased(expanded), false, Function::Identity)?;
        let factor = network.sigmoid(&excited, &unit("gate"), gate.hard);
        y = network.multiply(&y, &factor, &unit("gated"));
    }
    y = network.unit(&y, &unit("project"), Conv::pointwise(out), spec.batch_norm, Function::Identity)?;
    Ok(if y.shape == x.shape { network.add(x, &y, &unit("add")) } else { y })
}

/// A gated map of the deep features, enlarged to the size of the kept ones; both classified pixel by pixel and added.
fn lr_aspp(
    network: &mut Network,
    deep: &Value,
    low: &Value,
    name: &str,
    channels: usize,
    classes: usize,
) -> Result<Value> {
    let unit = |part: &str| format!("{name}.{part}");
    let features = network.unit(deep, &unit("features"), Conv::pointwise(channels), true, Function::Relu)?;
    let mean = network.mean(deep, &unit("mean"));
    let scale = network.unit(&mean, &unit("scale"), Conv::pointwise(channels), false, Function::Identity)?;
    let gate = network.sigmoid(&scale, &unit("gate"), false);
    let gated = network.multiply(&features, &gate, &unit("gated"));
    let large = network.resize(&gated, &unit("enlarge"), (low.shape.height, low.shape.width));
    let classifier = Conv { biased: true, ..Conv::pointwise(classes) };
    let low = network.unit(low, &unit("low_classes"), classifier, false, Function::Identity)?;
    let high = network.unit(&large, &unit("high_classes"), classifier, false, Function::Identity)?;
    Ok(network.add(&low, &high, &unit("classes")))
}
