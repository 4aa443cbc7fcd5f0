//! A drawing along the network: a column for each layer, numbers upwards.
//!
//! ```text
//! 40 dB │▁
//!       │█ ▂       bars: what a layer is made of, one piece on the other
//! 20 dB │█ █ ▃     or a line through one number for each layer
//!       └──────► layer
//! ```

use super::page::round;
use serde::Serialize;

/// The drawing's size in its own units, without the axes' room.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 220.0;

/// What a column is no narrower than in a network of few layers.
const GAP: f64 = 0.16;

/// The drawing.
#[derive(Debug, Serialize)]
pub struct Drawing {
    /// Of its title and description in the page.
    id: &'static str,
    title: &'static str,
    axis: &'static str,
    description: String,
    width: f64,
    height: f64,
    columns: Vec<Column>,
    /// Points of a line through the columns; empty for bars.
    line: String,
    /// Marks of the axes.
    numbers: Vec<Mark>,
    layers: Vec<Mark>,
}

/// A layer.
#[derive(Debug, Serialize)]
struct Column {
    x: f64,
    width: f64,
    middle: f64,
    /// To be seen when the pointer is above it.
    title: String,
    pieces: Vec<Piece>,
}

/// A piece of a bar, or a point of the line.
#[derive(Debug, Serialize)]
struct Piece {
    class: &'static str,
    faint: bool,
    y: f64,
    height: f64,
}

/// A mark of an axis.
#[derive(Debug, Serialize)]
struct Mark {
    at: f64,
    text: String,
}

/// What a drawing is called, and what its numbers are counted in.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    /// Unique in the page.
    pub id: &'static str,
    /// What is drawn.
    pub title: &'static str,
    /// Unit, in the axis' marks.
    pub unit: &'static str,
    /// What a column is numbered as: layer or step.
    pub axis: &'static str,
}

/// A number of a layer: the colour's class, whether in a faint shade, how much.
pub type Amount = (&'static str, bool, f64);

/// Bars; for each layer what to say of it, and its pieces from the bottom up.
pub fn bars(head: Head, description: String, layers: Vec<(String, Vec<Amount>)>) -> Drawing {
    let sum = |pieces: &[Amount]| pieces.iter().map(|(.., amount)| amount).sum::<f64>();
    let most = layers.iter().map(|(_, pieces)| sum(pieces)).fold(0.0, f64::max);
    draw(head, description, layers, most)
}

/// A line; for each layer what to say of it, and its number. What is infinite, or nothing beside nothing, lies at the top.
pub fn line(head: Head, description: String, layers: Vec<(String, f64)>) -> Drawing {
    let most = layers.iter().map(|(_, number)| *number).filter(|number| number.is_finite()).fold(0.0, f64::max);
    let height = |number: f64| if number.is_nan() { most } else { number.clamp(0.0, most) };
    let points = layers.into_iter().map(|(title, number)| (title, vec![("point", false, height(number))]));
    let mut drawing = draw(head, description, points.collect(), most);
    let points = drawing
        .columns
        .iter()
        .flat_map(|column| column.pieces.iter().map(|piece| format!("{},{}", column.middle, piece.y)));
    drawing.line = points.collect::<Vec<_>>().join(" ");
    drawing
}

fn draw(head: Head, description: String, layers: Vec<(String, Vec<Amount>)>, most: f64) -> Drawing {
    let count = layers.len();
    let step = WIDTH / count.max(1) as f64;
    let mark = even(most / 4.0);
    let marks = (most / mark).ceil().max(1.0);
    let scale = HEIGHT / (marks * mark);
    let column = |(index, (title, amounts)): (usize, (String, Vec<Amount>))| {
        let mut y = HEIGHT;
        let pieces = amounts.into_iter().map(|(class, faint, amount)| {
            let height = amount * scale;
            y -= height;
            Piece { class, faint, y: round(y), height: round(height) }
        });
        let pieces = pieces.collect();
        let from_left = |part: f64| round((index as f64 + part) * step);
        Column { x: from_left(GAP / 2.0), width: round((1.0 - GAP) * step), middle: from_left(0.5), title, pieces }
    };
    let every = (count / 12).max(1).next_multiple_of(5);
    Drawing {
        id: head.id,
        title: head.title,
        axis: head.axis,
        description,
        width: WIDTH,
        height: HEIGHT,
        columns: layers.into_iter().enumerate().map(column).collect(),
        line: String::new(),
        numbers: (0..=marks as usize)
            .map(|i| i as f64 * mark)
            .map(|number| Mark { at: round(HEIGHT - number * scale), text: format!("{} {}", round(number), head.unit) })
            .collect(),
        layers: (0..count)
            .step_by(every)
            .map(|index| Mark { at: round((index as f64 + 0.5) * step), text: index.to_string() })
            .collect(),
    }
}

/// The least of 1, 2, 5, 10, 20, … and their tenths, hundredths … that is no less than `number`.
fn even(number: f64) -> f64 {
    if number <= 0.0 || !number.is_finite() {
        return 1.0;
    }
    let power = 10f64.powf(number.log10().floor());
    [1.0, 2.0, 5.0].map(|digit| digit * power).into_iter().find(|&even| even >= number).unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: Head = Head { id: "test", title: "a test", unit: "dB", axis: "layer" };

    #[test]
    fn axes_have_even_marks() {
        let cases = [(0.0, 1.0), (0.03, 0.05), (1.0, 1.0), (1.1, 2.0), (4.9, 5.0), (7.0, 10.0), (130.0, 200.0)];
        for (number, expected) in cases {
            assert!((even(number) - expected).abs() < 1e-9 * expected, "{number}: {}", even(number));
        }
    }

    #[test]
    fn pieces_lie_on_each_other_and_reach_what_their_sum_is() {
        let layers = vec![("a".into(), vec![("x", false, 10.0), ("y", true, 30.0)]), ("b".into(), vec![])];
        let drawing = bars(HEAD, String::new(), layers);
        let [low, high] = &drawing.columns[0].pieces[..] else { panic!("{drawing:?}") };
        assert_eq!((low.y + low.height, high.y + high.height, high.y), (HEIGHT, low.y, 0.0));
        assert!(drawing.columns[0].x + drawing.columns[0].width < drawing.columns[1].x);
    }

    #[test]
    fn a_line_takes_what_is_infinite_to_the_top() {
        let drawing = line(
            HEAD,
            String::new(),
            vec![("a".into(), 20.0), ("b".into(), f64::INFINITY), ("c".into(), -3.0), ("d".into(), f64::NAN)],
        );
        let y: Vec<f64> = drawing.columns.iter().map(|column| column.pieces[0].y).collect();
        assert_eq!(y, [0.0, 0.0, HEIGHT, 0.0]);
        assert_eq!(drawing.line, "125,0 375,0 625,220 875,0");
    }
}
