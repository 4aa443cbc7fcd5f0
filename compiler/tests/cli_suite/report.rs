//! The report of `compile`: one page that stands by itself.

use crate::bakelite::{DEMO, SHARED, compile, scratch};
use crate::html::stands_by_itself;
use std::fs;
use std::path::Path;

/// The report in a crate's folder, and how many steps its table has.
fn report(folder: &Path) -> (String, usize) {
    let html = fs::read_to_string(folder.join("report.html")).unwrap();
    stands_by_itself(&html);
    let (_, table) = html.split_once("<table class=\"layers\">").unwrap();
    let steps = table.split_once("</table>").unwrap().0.matches("<tr").count() - 1;
    assert!(steps > 40, "{steps} steps");
    (html, steps)
}

#[test]
fn what_runs_here_is_timed_layer_by_layer() {
    let (html, steps) = report(&DEMO.folder.join("crate"));
    // A column for each step in the drawing of times and in that of products.
    assert_eq!(html.matches("<rect class=\"hover\"").count(), 2 * steps);
    assert_eq!(html.matches("% of the roofline</title>").count(), steps);
    assert!(html.contains("s from 16.4 KB") && html.contains("<th>roofline</th>"), "{html}");
}

#[test]
fn what_does_not_run_here_is_not_timed() {
    let folder = scratch();
    let out = folder.path().join("out");
    compile(&SHARED.model, &SHARED.images, &out).args(["--target", "wasm32", "--recipe", "fast"]).succeeds();
    let (html, _) = report(&out);
    assert!(html.contains("Layers were not timed: this machine does not run the kernels of wasm32"), "{html}");
    assert!(!html.contains("<rect class=\"hover\"") && !html.contains("<th>roofline</th>"), "{html}");
}
