//! The ten things, in five pairs that are easy to take for one another.
//!
//! A thing is a list of parts, painted in order. Proportions vary within a class as far as its name stays right, and
//! what makes the name right is small: a spout, the teeth of a key, the gills under a cap.

mod clock;
mod fish;
mod key;
mod leaf;
mod mug;
mod mushroom;
mod spoon;
mod teapot;
mod umbrella;
mod wheel;

use super::paint::{Palette, Part};
use super::random::Random;

/// A class: its name, how far it leans (in turns) before it would look wrong, and how to make one.
pub struct Subject {
    /// As in the list of labels.
    pub name: &'static str,
    /// Half a turn is any direction at all.
    pub lean: f32,
    /// The parts of a new one, back to front.
    pub parts: fn(&mut Random, &Palette) -> Vec<Part>,
}

/// In the order of the labels.
pub const SUBJECTS: [Subject; 10] = [
    Subject { name: "mug", lean: 0.08, parts: mug::parts },
    Subject { name: "teapot", lean: 0.08, parts: teapot::parts },
    Subject { name: "key", lean: 0.16, parts: key::parts },
    Subject { name: "spoon", lean: 0.16, parts: spoon::parts },
    Subject { name: "leaf", lean: 0.16, parts: leaf::parts },
    Subject { name: "fish", lean: 0.12, parts: fish::parts },
    Subject { name: "wheel", lean: 0.5, parts: wheel::parts },
    Subject { name: "clock", lean: 0.12, parts: clock::parts },
    Subject { name: "umbrella", lean: 0.1, parts: umbrella::parts },
    Subject { name: "mushroom", lean: 0.1, parts: mushroom::parts },
];
