//! Classes, best first.

use super::text::{all, label_json, label_or_number, quoted};
use super::{Options, print, settings};
use ::{{ name }}::runtime::kernel;
use std::fmt::Write;
use std::io;
use std::path::Path;

/// Whether there are masks to write.
pub const MASKS: bool = false;

pub const USAGE: &str = "\
Usage: {{ name }} [--top K] [--json] [--scores] IMAGE...   classify pictures (JPEG, PNG)
       {{ name }} [--top K] [--json] [--scores] --raw      raw pixels on standard input, any number of images,
                                                  each {{ height }} x {{ width }} x {{ channels }} bytes, row by row
";

pub const OPTIONS: &str = "  \
  --top K      how many classes to show (default 5)
  --json       one JSON object per line: {\"file\", \"top\": [{\"class\", \"label\", \"score\"}]}
  --scores     with --json: all outputs of the network too, as \"scores\"
";

/// Prints one answer.
pub fn show(options: &Options, file: &Path, outputs: &[f32]) -> io::Result<()> {
    let mut probabilities = vec![0.0; outputs.len()];
    if settings::PROBABILITIES {
        probabilities.copy_from_slice(outputs);
    } else {
        kernel::softmax(outputs, &mut probabilities);
    }
    let mut order: Vec<usize> = (0..outputs.len()).collect();
    order.sort_by(|&a, &b| outputs[b].total_cmp(&outputs[a]).then(a.cmp(&b)));
    order.truncate(options.top);
    let mut line = String::new();
    if options.json {
        let _ = write!(line, "{{ open }}\"file\":{},\"top\":[", quoted(&file.to_string_lossy()));
        for (rank, &class) in order.iter().enumerate() {
            let comma = if rank > 0 { "," } else { "" };
            let (label, score) = (label_json(class), probabilities[class]);
            let _ = write!(line, "{comma}{{ open }}\"class\":{class},\"label\":{label},\"score\":{score}{{ close }}");
        }
        line.push(']');
        if options.scores {
            let _ = write!(line, ",\"scores\":[{}]", all(outputs, ","));
        }
        line.push('}');
    } else {
        line.push_str(&file.to_string_lossy());
        for &class in &order {
            let _ = write!(line, "\n  {:5.1} %  {}", 100.0 * probabilities[class], label_or_number(class));
        }
        if options.scores {
            let _ = write!(line, "\n  scores {}", all(outputs, " "));
        }
    }
    line.push('\n');
    print(&line)
}
