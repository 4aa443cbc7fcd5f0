//! Files that are damaged, foreign or malicious: a stated error with stage, node and remedy, never a panic.

use crate::builder::*;
use bakelite::error::Stage;
use bakelite::import::{ImportOptions, import};
use bakelite::{onnx, passes};
use onnx_protobuf::{StringStringEntryProto, TensorProto};
use std::path::Path;

/// A network with a bit of everything.
pub fn network() -> Net {
    Net::new(13, &["1", "3", "8", "8"])
        .conv("x", "c", [8, 3, 3], &[ints("strides", &[2, 2])])
        .node("HardSigmoid", &["c"], "hs", &[float("alpha", 1.0 / 6.0)])
        .node("Mul", &["c", "hs"], "h", &[])
        .ints("pads", &[0, 0, 0, 0, 0, 0, 1, 1])
        .node("Pad", &["h", "pads"], "p", &[])
        .conv("p", "d", [8, 1, 3], &[int("group", 8), ints("pads", &[0; 4])])
        .node("Relu", &["d"], "r", &[])
        .node("ReduceMean", &["r"], "m", &[ints("axes", &[2, 3])])
        .conv("m", "e", [8, 8, 1], &[])
        .node("Sigmoid", &["e"], "g", &[])
        .node("Mul", &["r", "g"], "s", &[])
        .conv("s", "t", [8, 8, 1], &[])
        .node("Add", &["t", "s"], "a", &[])
        .node("GlobalAveragePool", &["a"], "q", &[])
        .node("Shape", &["q"], "shape", &[])
        .ints("zero", &[0])
        .node("Gather", &["shape", "zero"], "batch", &[])
        .ints("minus", &[-1])
        .node("Concat", &["batch", "minus"], "target", &[int("axis", 0)])
        .node("Reshape", &["q", "target"], "f", &[])
        .weights("fc", &[5, 8])
        .node("Gemm", &["f", "fc"], "y", &[int("transB", 1)])
}

/// Reads, imports and rewrites; an error must say where and what to do.
fn survive(bytes: &[u8]) -> Result<(), String> {
    let all = || {
        let model = onnx::read(bytes, None)?;
        let graph = import(&model, &ImportOptions::default())?.graph;
        passes::run(graph, &passes::Options::default()).map(|_| ())
    };
    all().map_err(|e| {
        assert!(!e.cause.is_empty());
        e.to_string()
    })
}

#[test]
fn the_network_itself_is_fine() {
    survive(&network().bytes()).unwrap();
}

#[test]
fn every_truncation() {
    let bytes = network().bytes();
    for length in 0..bytes.len() {
        let _ = survive(&bytes[..length]);
    }
    assert!(survive(&[]).unwrap_err().contains("empty"));
    assert!(survive(&bytes[..bytes.len() / 2]).unwrap_err().contains("read: "));
}

#[test]
fn random_bytes_and_other_files() {
    let mut state = 1u64;
    for length in [1usize, 2, 7, 64, 1000, 10_000] {
        for _ in 0..100 {
            let bytes: Vec<u8> = (0..length).map(|_| step(&mut state) as u8).collect();
            assert!(survive(&bytes).is_err());
        }
    }
    for foreign in
        [&b"PK\x03\x04zip"[..], b"\x89PNG\r\n\x1a\n", b"{\"json\": true}", b"hello, this is text\n", &[0; 4096]]
    {
        let error = onnx::read(foreign, None).unwrap_err();
        assert_eq!(error.stage, Stage::Read);
        assert!(error.remedy.is_some());
    }
}

fn step(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state >> 11
}

/// Deterministic damage: bytes changed, removed, inserted, doubled.
fn mutate(bytes: &[u8], window: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut damaged = bytes.to_vec();
    for _ in 0..1 + step(&mut state) % 4 {
        let at = step(&mut state) as usize % window.min(damaged.len());
        match step(&mut state) % 5 {
            0 => damaged[at] = step(&mut state) as u8,
            1 => damaged[at] ^= 1 << (step(&mut state) % 8),
            2 => drop(damaged.remove(at)),
            3 => damaged.insert(at, step(&mut state) as u8),
            _ => damaged[at] = [0, 1, 0x7f, 0x80, 0xff][step(&mut state) as usize % 5],
        }
    }
    damaged
}

#[test]
fn thousands_of_mutations_of_a_small_model() {
    let bytes = network().bytes();
    for seed in 0..6000 {
        let _ = survive(&mutate(&bytes, bytes.len(), seed));
    }
}

/// Mutations of the model's fields rather than its bytes: these survive parsing and reach the importer.
#[test]
fn thousands_of_mutations_of_fields() {
    let mut state = 77u64;
    for _ in 0..4000 {
        let mut net = network();
        let graph = net.graph();
        for _ in 0..1 + step(&mut state) % 3 {
            let extreme = [0, 1, 2, 3, -1, -7, 65_536, i64::MAX, i64::MIN, 1 << 31, 5][step(&mut state) as usize % 11];
            let n = step(&mut state) as usize % graph.node.len();
            let other = graph.node[step(&mut state) as usize % graph.node.len()].clone();
            let node = &mut graph.node[n];
            match step(&mut state) % 8 {
                0 if !node.attribute.is_empty() => {
                    let a = step(&mut state) as usize % node.attribute.len();
                    node.attribute[a].i = extreme;
                    node.attribute[a].f = [f32::NAN, f32::INFINITY, -1.0, 0.0][step(&mut state) as usize % 4];
                    if !node.attribute[a].ints.is_empty() {
                        let k = step(&mut state) as usize % node.attribute[a].ints.len();
                        node.attribute[a].ints[k] = extreme;
                    }
                }
                1 => node.op_type = other.op_type,
                2 if !node.input.is_empty() => {
                    let i = step(&mut state) as usize % node.input.len();
                    node.input[i] = other.output[0].clone();
                }
                3 if !node.input.is_empty() => drop(node.input.pop()),
                4 if !node.attribute.is_empty() => drop(node.attribute.pop()),
                5 => {
                    let t = step(&mut state) as usize % graph.initializer.len();
                    graph.initializer[t].dims.rotate_left(1);
                }
                6 => {
                    let t = step(&mut state) as usize % graph.initializer.len();
                    if let Some(v) = graph.initializer[t].int64_data.first_mut() {
                        *v = extreme;
                    }
                }
                _ => node.input.push(other.output[0].clone()),
            }
        }
        let _ = survive(&net.bytes());
    }
}

#[test]
fn mutations_of_a_real_model() {
    let Some(bytes) = real_model() else { return };
    // The weights are most of the bytes: the structure is at the beginning and between them.
    for seed in 0..40 {
        let _ = survive(&mutate(&bytes, bytes.len(), seed));
        let _ = survive(&mutate(&bytes, 40_000, seed + 1000));
    }
    for cut in [1, 1000, bytes.len() / 3, bytes.len() - 1] {
        assert!(survive(&bytes[..cut]).is_err());
    }
}

fn real_model() -> Option<Vec<u8>> {
    let shared = std::env::var("BAKELITE_SHARED")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared").to_string());
    let path = Path::new(&shared).join("models/text_direction_mobilenet_v3_small_035.paddle2onnx.onnx");
    let bytes = std::fs::read(&path).ok();
    if bytes.is_none() {
        println!("skipped: no {}", path.display());
    }
    bytes
}

#[test]
fn wrong_dimensions_of_tensors() {
    let with = |dims: &[i64]| {
        let mut net = network();
        net.graph().initializer[0].dims = dims.to_vec();
        survive(&net.bytes()).unwrap_err()
    };
    assert!(with(&[-8, 3, 3, 3]).contains("negative"));
    assert!(with(&[i64::MAX, 3, 3, 3]).contains("too large"));
    assert!(with(&[1 << 30, 1 << 30, 3, 3]).contains("too large"));
    assert!(with(&[1 << 30, 3, 3, 3]).contains("need"));
    assert!(with(&[8, 3, 3]).contains("need"));
    assert!(with(&[8, 27]).contains("only images"), "{}", with(&[8, 27]));
    assert!(with(&[3, 8, 3, 3]).contains("channels"));
}

#[test]
fn nodes_out_of_order_are_sorted() {
    let mut net = network();
    net.graph().node.reverse();
    survive(&net.bytes()).unwrap();
}

#[test]
fn external_data_stays_in_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("model");
    std::fs::create_dir(&inside).unwrap();
    std::fs::write(folder.path().join("secret.bin"), [0; 64]).unwrap();
    std::fs::write(inside.join("weights.bin"), 1.5f32.to_le_bytes().repeat(6)).unwrap();
    let read = |entries: &[(&str, &str)]| {
        let entry = |(key, value): &(&str, &str)| StringStringEntryProto {
            key: key.to_string(),
            value: value.to_string(),
            ..Default::default()
        };
        let weight = TensorProto {
            name: "w".into(),
            dims: vec![2, 3, 1, 1],
            data_type: 1,
            external_data: entries.iter().map(entry).collect(),
            data_location: onnx_protobuf::tensor_proto::DataLocation::EXTERNAL.into(),
            ..Default::default()
        };
        let net = Net::new(13, &["1", "3", "4", "4"]).tensor(weight).node("Conv", &["x", "w"], "y", &[]);
        (onnx::read(&net.bytes(), Some(&inside)), onnx::read(&net.bytes(), None))
    };
    let (good, nowhere) = read(&[("location", "weights.bin"), ("offset", "0"), ("length", "24")]);
    assert_eq!(good.unwrap().initializers[0].1.as_floats().unwrap(), [1.5; 6]);
    assert!(nowhere.unwrap_err().to_string().contains("weights.bin"));
    let refused = |entries: &[(&str, &str)], expected: &str| {
        let error = read(entries).0.unwrap_err();
        assert!(error.to_string().contains(expected) && error.remedy.is_some(), "{error:?}");
        assert_eq!(error.node.as_deref(), Some("w"));
    };
    for location in ["../secret.bin", "/etc/passwd", "a/../../secret.bin", "..\\secret.bin", "C:\\x", ""] {
        refused(&[("location", location)], "outside of the model's folder");
    }
    refused(&[("location", "absent.bin")], "cannot be read");
    refused(&[("location", "weights.bin"), ("offset", "8")], "has 24");
    refused(&[("location", "weights.bin"), ("offset", "18446744073709551615")], "has 24");
    refused(&[("location", "weights.bin"), ("length", "4")], "needs 24 bytes");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(folder.path().join("secret.bin"), inside.join("link.bin")).unwrap();
        refused(&[("location", "link.bin")], "link that leaves");
    }
}
