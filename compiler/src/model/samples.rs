//! The pictures that batch norms are measured on: drawn ones, fitted and normalised as the network's own images would be.
//!
//! Drawn surfaces are smoother than photographed ones. A filter that answers fine detail alone would see next to nothing,
//! be amplified by its batch norm, and explode on a photograph; so every other picture is given a texture with as
//! much energy in each octave, as natural images have.

use crate::dataset::decode::Picture;
use crate::dataset::{Loader, Preprocess};
use crate::demo::pictures;
use crate::demo::pictures::random::Random;
use crate::error::{Error, Result, Stage};
use crate::graph::Shape;
use crate::specs;
use ndarray::Array3;

/// Most pixels of all pictures together: a network's widest maps are kept for all of them at once.
const MOST_PIXELS: usize = 8 * 512 * 512;

/// Squares of the texture have sides of 1, 2, 4 … pixels: so many sizes, each so many codes up or down at most.
const OCTAVES: usize = 6;
const AMPLITUDE: f32 = 30.0;

/// `count` pictures (fewer of very large ones), height × width × RGB, with ImageNet's mean and deviation taken out.
pub(super) fn pictures(seed: u64, count: usize, (height, width): (usize, usize)) -> Result<Vec<Array3<f32>>> {
    let spec = specs::preprocess::load("imagenet")?;
    let preprocess = Preprocess::new(&spec, Shape::new(height, width, 3))?;
    let (table, mut loader) = (preprocess.table(), Loader::default());
    let count = count.min((MOST_PIXELS / (height * width)).max(1));
    (0..count as u64)
        .map(|index| {
            let drawn = pictures::picture(seed, index);
            let picture = Picture { height: drawn.height as usize, width: drawn.width as usize, rgb: drawn.rgb };
            let failed = |cause: String| Error::new(Stage::Model, cause).remedy("give another --size");
            let mut rgb = loader.fit(&picture, &preprocess.fit).map_err(failed)?.to_vec();
            if index % 2 == 1 {
                texture(&mut rgb, width, &mut Random::new(seed, index));
            }
            Array3::from_shape_vec((height, width, 3), preprocess.values(&table, &rgb))
                .map_err(|e| failed(e.to_string()))
        })
        .collect()
}

/// Adds squares of chance colours, of every size.
fn texture(rgb: &mut [u8], width: usize, random: &mut Random) {
    for octave in 0..OCTAVES {
        let salt = random.bits();
        for (pixel, code) in rgb.iter_mut().enumerate() {
            let (row, column, channel) = (pixel / (width * 3), pixel / 3 % width, pixel % 3);
            let square = ((row >> octave) * width + (column >> octave)) * 3 + channel;
            let shift = Random::new(salt, square as u64).range(-AMPLITUDE, AMPLITUDE);
            *code = (f32::from(*code) + shift).clamp(0.0, 255.0) as u8;
        }
    }
}
