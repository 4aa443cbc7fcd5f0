//! `tune`.

use super::arguments::TuneArguments;
use super::{bench, line, output, print_json, table};
use crate::error::{Error, Result, Stage};
use crate::plan;
use crate::tune::{self, Candidate, Findings};

/// `bakelite tune`.
pub fn tune(arguments: &TuneArguments) -> Result<()> {
    output::check(Stage::Print, &arguments.out)?;
    let (q, level) = bench::integers(&arguments.of)?;
    let mut plan = plan::plan(&q, level)?;
    let findings = tune::tune(&mut plan, arguments.of.iterations).ok_or_else(|| crate::evaluate::lacks(&plan))?;
    let yaml = serde_yaml::to_string(&findings.tuning()).map_err(|e| Error::new(Stage::Print, e.to_string()))?;
    let text = format!("# The quickest tiles of matrix products on one machine, by `bakelite tune`.\n{yaml}");
    output::write(Stage::Print, &arguments.out, text.as_bytes())?;
    if arguments.of.json { print_json(&findings) } else { show(&findings, &arguments.out.display().to_string()) }
}

fn show(findings: &Findings, file: &str) -> Result<()> {
    let mut t = table::new(&["product", "layers", "planner's tile", "µs", "quickest tile", "µs", "of the time"]);
    for it in &findings.products {
        let tile = |&(Candidate { rows, vectors }, ns): &(Candidate, f64)| {
            [format!("{rows} × {vectors}"), format!("{:.1}", ns / 1e3)]
        };
        let (Some(planned), Some(chosen)) = (it.candidates.first(), it.candidates.get(it.chosen)) else { continue };
        let [of_planner, planned_us] = tile(planned);
        let [of_chosen, chosen_us] = if it.chosen > 0 { tile(chosen) } else { [String::new(), String::new()] };
        let kind = if it.product.gated { ", gated" } else { "" };
        table::row(
            &mut t,
            &[
                format!("{} pixels, {} → {}{kind}", it.product.pixels, it.product.in_channels, it.product.out_channels),
                it.layers.to_string(),
                of_planner,
                planned_us,
                of_chosen,
                chosen_us,
                if it.chosen > 0 { format!("{:.1} %", 100.0 * chosen.1 / planned.1.max(1.0)) } else { String::new() },
            ],
        );
    }
    line(&t)?;
    let ([planned, least_planned], [tuned, least_tuned]) = (findings.planned_ns, findings.tuned_ns);
    line(format!(
        "network with the planner's tiles {:.3} ms (minimum {:.3}), with the quickest ones {:.3} ms ({:.3}): {:.1} % ({:.1} %)",
        planned / 1e6,
        least_planned / 1e6,
        tuned / 1e6,
        least_tuned / 1e6,
        100.0 * tuned / planned.max(1.0),
        100.0 * least_tuned / least_planned.max(1.0),
    ))?;
    line(format!("written: {file}; give it to `bakelite compile --tuning {file}`, kernels {}", findings.kernels))
}
