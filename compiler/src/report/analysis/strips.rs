//! The channels of a layer in a strip: how many steps of the scale each of them takes.
//!
//! ```text
//! all steps ┤      ▁▂▃▄▅▆▇     light: from least to largest value       heights are logarithms: bits
//!           │ ▁▂▃▄▅▆▇▒▒▒▒▒     dark: one deviation to both sides
//! one step  ┴───────────── channels, those with fewest steps first
//! ```

use crate::analyze::ranges::{Channel, Ranges};
use crate::report::page::round;
use serde::Serialize;

/// The strip's size in its own units.
const WIDTH: f64 = 160.0;
const HEIGHT: f64 = 24.0;

/// Channels of which no more are told apart.
const MOST: usize = 40;

/// Two areas, as paths.
#[derive(Debug, Serialize)]
pub struct Strip {
    width: f64,
    height: f64,
    title: String,
    range: String,
    deviation: String,
}

/// Draws the channels of a layer.
pub fn strip(ranges: &Ranges) -> Strip {
    let all = f64::from(ranges.steps);
    let quantiles = |of: fn(&Channel) -> f32| {
        let mut steps: Vec<f64> = ranges.channels.iter().map(|channel| f64::from(of(channel))).collect();
        steps.sort_by(f64::total_cmp);
        steps
    };
    let range = quantiles(Channel::spans);
    let deviation = quantiles(|channel| 2.0 * channel.deviation / channel.step);
    let middle = |steps: &[f64]| steps.get(steps.len() / 2).copied().unwrap_or(0.0);
    Strip {
        width: WIDTH,
        height: HEIGHT,
        title: format!(
            "Of {all} steps the median channel's range takes {:.0}, its deviation to both sides {:.1}; the least are {:.1} and {:.1}",
            middle(&range),
            middle(&deviation),
            range.first().unwrap_or(&0.0),
            deviation.first().unwrap_or(&0.0)
        ),
        range: area(&range, all),
        deviation: area(&deviation, all),
    }
}

/// The area below ascending numbers of steps.
fn area(steps: &[f64], all: f64) -> String {
    let columns = steps.len().min(MOST);
    let width = WIDTH / columns.max(1) as f64;
    let mut path = format!("M0,{HEIGHT}");
    for column in 0..columns {
        let height = HEIGHT * (steps[column * steps.len() / columns].max(1.0).log2() / all.log2()).min(1.0);
        path.push_str(&format!("V{}H{}", round(HEIGHT - height), round((column + 1) as f64 * width)));
    }
    path + &format!("V{HEIGHT}Z")
}

#[cfg(test)]
mod tests {
    use super::area;

    #[test]
    fn heights_are_bits_of_all_and_no_channel_more_than_all() {
        assert_eq!(area(&[0.5, 16.0, 256.0, 999.0], 256.0), "M0,24V24H40V12H80V0H120V0H160V24Z");
        assert_eq!(area(&[], 255.0), "M0,24V24Z");
        let many: Vec<f64> = (1..=960).map(f64::from).collect();
        assert_eq!(area(&many, 255.0).matches('H').count(), 40);
    }
}
