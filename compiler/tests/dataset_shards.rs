//! Calibrating by shards, on any number of threads, and merging gives the very bytes of one run.

use std::fs;
use std::path::Path;

use bakelite::dataset::{Dataset, Preprocess, Shard};
use bakelite::graph::Shape;
use bakelite::specs;
use bakelite_calibration::{Collector, Error, Hash, Profile};

/// The network's input counts as its only tensor.
fn calibrate(dataset: &Dataset, threads: usize) -> Profile {
    let spec = specs::preprocess::load("torchvision").unwrap();
    let preprocess = Preprocess::new(&spec, Shape::new(16, 16, 3)).unwrap();
    let table = preprocess.table();
    let collector = Collector::new([("input".to_owned(), 3)]);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let see = |sight: bakelite::dataset::Sight<'_>| {
        collector.observe(0, &preprocess.values(&table, sight.rgb));
        collector.image(sight.id);
    };
    pool.install(|| dataset.stream("", &preprocess.fit, see, |_, ()| Ok(()))).unwrap();
    collector.finish(Hash([7; 32]), preprocess.hash()).unwrap()
}

#[test]
fn shards_merge_into_one_run() {
    let folder = tempfile::tempdir().unwrap();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dataset_fixtures");
    for i in 0..25 {
        let name = ["rgb.png", "rgb.jpg", "lossless.webp", "grey.png", "cmyk.jpg"][i % 5];
        fs::copy(fixtures.join(name), folder.path().join(format!("{i}_{name}"))).unwrap();
    }
    let dataset = Dataset::open(folder.path()).unwrap().select(20, 1);
    let whole = calibrate(&dataset, 1);
    assert_eq!(whole.images.len(), 20);
    assert_eq!(calibrate(&dataset, 4).encode(), whole.encode());

    let shard = |index| calibrate(&dataset.shard(Shard { index, count: 3 }), 2);
    let mut merged = shard(3);
    merged.merge(&shard(1)).unwrap();
    merged.merge(&Profile::decode(&shard(2).encode()).unwrap()).unwrap();
    assert_eq!(merged.encode(), whole.encode());
    assert!(matches!(merged.merge(&shard(2)), Err(Error::Overlap { .. })));
}
