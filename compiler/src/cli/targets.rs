//! `targets`: what can be named on the command line.

use super::arguments::TargetsArguments;
use super::{line, print_json, table};
use crate::error::Result;
use crate::quantize::recipe::Recipe;
use crate::specs::{Kind, target::Target};

/// `bakelite targets`.
pub fn targets(arguments: &TargetsArguments) -> Result<()> {
    let targets = Kind::Target.names().map(Target::load).collect::<Result<Vec<_>>>()?;
    let native = Target::load("native").map(|t| t.name).unwrap_or_default();
    if arguments.json {
        let list: Vec<_> = targets
            .iter()
            .map(|t| {
                serde_json::json!({
                    "name": t.name, "description": t.description, "triple": t.triple,
                    "kernels": t.levels.iter().map(|level| level.name()).collect::<Vec<_>>(), "features": t.features, "native": t.name == native,
                })
            })
            .collect();
        return print_json(&serde_json::json!({
            "targets": list,
            "recipes": Kind::Recipe.names().collect::<Vec<_>>(),
            "preprocess": Kind::Preprocess.names().collect::<Vec<_>>(),
            "architectures": Kind::Architecture.names().collect::<Vec<_>>(),
        }));
    }
    let mut t = table::new(&["target", "kernels", "triple", "what"]);
    for target in &targets {
        let mark = if target.name == native { " (native)" } else { "" };
        table::row(
            &mut t,
            &[format!("{}{mark}", target.name), target.kernels(), target.triple.clone(), target.description.clone()],
        );
    }
    line(&t)?;
    for name in Kind::Recipe.names() {
        line(format!("recipe {name}: {}", Recipe::load(name)?.description))?;
    }
    line(format!("preprocess: {}", Kind::Preprocess.names().collect::<Vec<_>>().join(", ")))?;
    line(format!("architectures: {}", Kind::Architecture.names().collect::<Vec<_>>().join(", ")))?;
    Ok(())
}
