//! `ablate`.

use super::arguments::AblateArguments;
use super::{line, print_json, table};
use crate::ablate::{self, Ablation};
use crate::compile::Request;
use crate::error::{Error, Result, Stage};

/// `bakelite ablate`.
pub fn ablate(arguments: &AblateArguments) -> Result<()> {
    if arguments.pictures.images.is_none() {
        return Err(Error::new(Stage::Arguments, "no pictures to calibrate on").remedy("give a folder with --images"));
    }
    let request = Request {
        evaluation: arguments.evaluation.clone(),
        ..arguments.pictures.integers_of(&arguments.model, &arguments.reading, &arguments.recipe)
    };
    let ablation = ablate::ablate(&request, arguments.seeds)?;
    if arguments.json { print_json(&ablation) } else { show(&ablation) }
}

fn show(ablation: &Ablation) -> Result<()> {
    let mut t = table::new(&[&format!("recipe {}", ablation.recipe), "agreement", "SQNR", "top-1", "beyond float"]);
    for row in &ablation.rows {
        table::row(&mut t, &row.cells());
    }
    line(&t)?;
    let float = ablation.float_top1.map_or(String::new(), |top1| format!("; float top-1 {top1:.1} %"));
    let choices = if ablation.seeds.len() == 1 { "choice" } else { "choices" };
    line(format!(
        "{} pictures, calibrated on {}, {} {choices} of them{float}",
        ablation.images,
        ablation.calibration_images,
        ablation.seeds.len()
    ))
}
