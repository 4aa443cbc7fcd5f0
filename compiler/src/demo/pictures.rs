//! Pictures for the demonstration: ten everyday things, drawn as a photographer in a hurry would find them.
//!
//! ```text
//! picture(seed, index) = camera( backdrop, clutter, subject + its shadow, what stands before it )
//! ```
//!
//! A demonstration of a quantizer needs a classifier that is good but not perfect, on pictures nobody has to
//! download or license. Perfect would hide every loss of int8 behind saturated margins. Hence five pairs of classes
//! that share their outline, colours that carry no information, and the nuisances of real photographs: pose and
//! perspective, backgrounds and scraps with edges of their own, light and its casts, occlusion, blur and noise. They
//! are larger than the network's input and rarely square, so that resizing and cropping matter.
//!
//! The same seed and index give the same bytes on every machine: see `maths` for how. The order of the draws is
//! part of that promise; the tests pin it.

mod backdrop;
mod camera;
mod clutter;
mod maths;
mod noise;
mod paint;
pub(crate) mod random;
mod shape;
mod sprite;
mod subjects;

use maths::{Colour, Vec2, mix, scale, v};
use paint::{Palette, Part};
use random::Random;
use sprite::{Light, Pose, Sprite};

/// The labels, in the order of the classes. Each even one is easily taken for the odd one after it.
pub const CLASSES: [&str; 10] = {
    let mut names = [""; 10];
    let mut i = 0;
    while i < names.len() {
        names[i] = subjects::SUBJECTS[i].name;
        i += 1;
    }
    names
};

/// The shorter side of every picture, in pixels. The longer one is up to 1.5 times that.
pub const SIZE: u32 = 128;

/// The longer sides, by the common formats 1:1, 5:4, 4:3 and 3:2.
const LONGER: [u32; 4] = [128, 160, 170, 192];

/// A labelled photograph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Index into [`CLASSES`].
    pub class: usize,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Red, green, blue; row by row from the top left.
    pub rgb: Vec<u8>,
}

/// Picture `index` of the endless set that `seed` names. Its class is `index % 10`, so any run of ten is balanced.
pub fn picture(seed: u64, index: u64) -> Picture {
    let random = &mut Random::new(seed, index);
    let class = (index % CLASSES.len() as u64) as usize;
    let longer = LONGER[random.int(0, 3) as usize];
    let (width, height) = if random.chance(0.7) { (longer, SIZE) } else { (SIZE, longer) };
    let mut scene = Scene::new(random, width as usize, height as usize);

    for _ in 0..random.int(0, 3) {
        let place = v(random.range(0.0, width as f32), random.range(0.0, height as f32));
        scene.scrap(random, place, 8.0, 25.0);
    }
    let subject = &subjects::SUBJECTS[class];
    let middle = v(width as f32 * 0.5, height as f32 * 0.5);
    let radius = SIZE as f32 * random.range(0.3, 0.48);
    let slack = SIZE as f32 * 0.56 - radius;
    let place = middle + v(random.range(-slack, slack), random.range(-slack, slack));
    let pose = Pose::any(random, place, radius, subject.lean);
    let palette = Palette::any(random);
    let parts = (subject.parts)(random, &palette);
    scene.add(random, &pose, &parts);
    // In front: nearer the edge of the subject than its middle, so that the name stays decidable.
    if random.chance(0.35) {
        let place = place + maths::turn(random.unit()) * (radius * random.range(0.7, 1.1));
        scene.scrap(random, place, 8.0, radius * 0.38);
    }
    let rgb = camera::Camera::any(random).expose(scene.pixels, width as usize, random);
    Picture { class, width, height, rgb }
}

/// What stands before the camera, painted from back to front.
struct Scene {
    size: (usize, usize),
    pixels: Vec<Colour>,
    light: Light,
}

impl Scene {
    fn new(random: &mut Random, width: usize, height: usize) -> Self {
        let backdrop = backdrop::Backdrop::any(random, height as f32);
        let pixels = (0..width * height).map(|i| backdrop.colour(v((i % width) as f32, (i / width) as f32))).collect();
        Self { size: (width, height), pixels, light: Light::any(random) }
    }

    fn scrap(&mut self, random: &mut Random, place: Vec2, smallest: f32, largest: f32) {
        let radius = random.range(smallest, largest.max(smallest));
        let pose = Pose::any(random, place, radius, 0.5);
        let parts = clutter::scrap(random);
        self.add(random, &pose, &parts);
    }

    /// Puts a thing into the picture, its shadow first.
    fn add(&mut self, random: &mut Random, pose: &Pose, parts: &[Part]) {
        let mut sprite = Sprite::new(pose, self.size);
        for part in parts {
            sprite.paint(part, &self.light);
        }
        let throw = self.light.towards * (-pose.radius * random.range(0.03, 0.2));
        self.shadow(&sprite, throw, random.range(0.15, 0.6), random.range(0.5, 2.5));
        self.each(&sprite, |pixel, i| {
            let (colour, coverage) = sprite.pixels[i];
            *pixel = mix(*pixel, colour, coverage);
        });
    }

    /// Darkens by `depth` what the sprite hides from the light: its coverage, thrown aside and read at five places.
    fn shadow(&mut self, sprite: &Sprite, throw: Vec2, depth: f32, soft: f32) {
        let (width, height) = sprite.size;
        let solid = |x: f32, y: f32| {
            let inside = x >= 0.0 && y >= 0.0 && x < width as f32 && y < height as f32;
            if inside { sprite.pixels[y as usize * width + x as usize].1 } else { 0.0 }
        };
        self.each(sprite, |pixel, i| {
            let (x, y) = ((i % width) as f32 - throw.x, (i / width) as f32 - throw.y);
            let corners = solid(x - soft, y - soft) + solid(x + soft, y - soft) + solid(x - soft, y + soft);
            let hidden = (solid(x, y) + corners + solid(x + soft, y + soft)) * 0.2;
            *pixel = scale(*pixel, 1.0 - depth * hidden);
        });
    }

    /// Every pixel of the scene under the sprite's window, with its index in the sprite.
    fn each(&mut self, sprite: &Sprite, mut change: impl FnMut(&mut Colour, usize)) {
        let (width, height) = sprite.size;
        for y in 0..height {
            let row = (sprite.origin.1 + y) * self.size.0 + sprite.origin.0;
            for x in 0..width {
                change(&mut self.pixels[row + x], y * width + x);
            }
        }
    }
}

#[cfg(test)]
mod tests;
