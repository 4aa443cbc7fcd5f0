//! `tune`, and `compile --tuning`.

use crate::bakelite::{SHARED, bakelite, compile, scratch};
use crate::bits::{pixels, quantize, synthetic};
use ::bakelite::pipeline::ModelOptions;
use ::bakelite::plan::{self, run};
use ::bakelite::tune::{Choice, Tuning, tune};
use std::fs;

#[test]
fn what_tune_writes_compile_takes() {
    let folder = scratch();
    let (file, out) = (folder.path().join("tuned.yaml"), folder.path().join("out"));
    let run = bakelite(["tune", "--json", "--iterations", "2", "--kernels", "portable", "--out"]).arg(&file);
    let found: serde_json::Value = serde_json::from_str(&run.arg(&SHARED.model).succeeds().stdout).expect("JSON");
    let products = found["products"].as_array().expect("products");
    assert!(products.len() > 10, "{found}");
    for product in products {
        let times: Vec<f64> =
            product["candidates"].as_array().unwrap().iter().map(|it| it[1].as_f64().unwrap()).collect();
        let chosen = product["chosen"].as_u64().unwrap() as usize;
        assert!(times.iter().all(|&ns| ns > 0.0) && chosen < times.len(), "{product}");
        assert!(chosen == 0 || times[chosen] < times[0] && times.iter().all(|&ns| ns >= times[chosen]), "{product}");
    }
    assert_eq!(Tuning::read(&file).expect("a tuning").kernels, "portable");
    // For other kernels than the target's, and then for its own.
    let note = compile(&SHARED.model, &SHARED.images, &out).args(["--target", "cortex-a53", "--tuning"]).arg(&file);
    let told = note.succeeds().stderr;
    assert!(Tuning::read(&file).unwrap().layers.is_empty() || told.contains("is for kernels portable"), "{told}");
    let product = products[0].clone();
    let mine = format!(
        "kernels: neon\nlayers:\n- {{ gated: {}, pixels: {}, in_channels: {}, out_channels: {}, rows: 4, vectors: 1 }}\n",
        product["gated"], product["pixels"], product["in_channels"], product["out_channels"]
    );
    fs::write(&file, mine).unwrap();
    let run = compile(&SHARED.model, &SHARED.images, &out).args(["--target", "cortex-a53", "--tuning"]).arg(&file);
    let told = run.succeeds().stderr;
    assert!(told.contains(&format!("{} matrix products have a tile of", product["layers"])), "{told}");
    let layers = fs::read_to_string(out.join("src/layers.rs")).unwrap();
    assert_eq!(
        layers.matches("tile: Tile { rows: 4, vectors: 1 }").count(),
        product["layers"].as_u64().unwrap() as usize
    );
    fs::write(&file, "kernels: neon\nlayers: 3\n").unwrap();
    let run = compile(&SHARED.model, &SHARED.images, &out).arg("--tuning").arg(&file);
    run.refused("specs", &["tuned.yaml", "line 2"]);
}

#[test]
fn no_tile_changes_a_bit() {
    let work = quantize(&SHARED.model, &SHARED.images, 4, ModelOptions::default(), "fast");
    let images: Vec<_> = pixels(&work, &SHARED.images, 1).into_iter().chain(synthetic(96 * 96 * 3, 1)).collect();
    for level in run::levels() {
        let planned = plan::plan(&work.q, level).expect("a plan");
        let mut tuned = planned.clone();
        let shapes = tune(&mut tuned, 1).expect("a level of this CPU").products;
        // Every candidate of every shape at least once.
        for candidate in 0..shapes.iter().map(|it| it.candidates.len()).max().unwrap_or(0) {
            let choice = |it: &::bakelite::tune::Measured| {
                let (tile, _) = it.candidates[candidate % it.candidates.len()];
                Choice { product: it.product, rows: tile.rows, vectors: tile.vectors }
            };
            let tuning = Tuning { kernels: level.name().into(), layers: shapes.iter().map(choice).collect() };
            let mut plan = planned.clone();
            assert!(tuning.apply(&mut plan) > 10);
            for image in &images {
                let mut memories = [run::Memory::of(&planned), run::Memory::of(&plan)];
                let [before, after] = &mut memories;
                let expected = run::run(&planned, before, image).expect("an answer");
                assert_eq!(run::run(&plan, after, image), Some(expected), "{} {candidate}", level.name());
            }
        }
    }
}
