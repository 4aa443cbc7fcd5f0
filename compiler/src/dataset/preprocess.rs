//! What becomes of a picture's bytes before the network's first operator.
//!
//! ## Formula
//! With `x` the 0…255 code of the fitted picture, and channel `i` of the network reading red, green or blue as the order says:
//!
//! ```text
//! value_i = (x / divisor − mean_i) / std_i = scale_i · x + offset_i
//! ```

use bakelite_calibration::Hash;
use bakelite_runtime::image::{Fit, Resize};
use sha2::{Digest, Sha256};

use crate::error::{Error, Result, Stage};
use crate::graph::Shape;
use crate::specs::preprocess::{Channels, Pad, PreprocessSpec, ResizeRule};

/// A preprocess specification, made concrete for one network's input.
#[derive(Clone, Debug, PartialEq)]
pub struct Preprocess {
    /// Geometry.
    pub fit: Fit,
    /// Order of the network's channels.
    pub channels: Channels,
    /// Divisor of the codes.
    pub divisor: f32,
    /// Subtracted after the division, by channel of the network.
    pub mean: [f32; 3],
    /// Divided by last, by channel of the network.
    pub std: [f32; 3],
}

impl Preprocess {
    /// For a network that takes `input`.
    ///
    /// # Errors
    /// Where the specification fixes another size, or the network takes neither three channels nor one.
    pub fn new(spec: &PreprocessSpec, input: Shape) -> Result<Self> {
        let refuse = |cause: String| Error::new(Stage::Dataset, cause);
        let Shape { height, width, channels } = input;
        if !matches!(channels, 1 | 3) || height == 0 || width == 0 {
            return Err(refuse(format!(
                "the network takes {height} × {width} × {channels}, not a picture of three channels or one"
            ))
            .remedy("only networks that take colour or grey pictures compile"));
        }
        if channels == 1 && [spec.mean, spec.std].iter().any(|values| values.iter().any(|value| *value != values[0])) {
            return Err(refuse("the network takes grey pictures, the preprocessing has a mean and deviation for each colour".into())
                .remedy("give --preprocess with three times the same mean and std: `unit` (x/255), `timm-half` (x/127.5 − 1), or a file"));
        }
        if let Some(size) = spec.size.filter(|size| (size.height, size.width) != (height, width)) {
            let cause = format!(
                "the preprocessing makes {} × {} pixels, the network takes {height} × {width}",
                size.height, size.width
            );
            return Err(refuse(cause).remedy("leave `size` out of the preprocess file, or give the network's"));
        }
        let resize = match spec.resize {
            ResizeRule::ShorterSide => Resize::ShorterSide(match spec.side {
                Some(side) => side,
                None => (height.min(width) as f64 / spec.crop_ratio) as usize,
            }),
            ResizeRule::Squash => Resize::Squash,
            ResizeRule::KeepRatioPad => Resize::KeepRatioPad,
        };
        let fit = Fit { height, width, resize, pad: [0; 3] };
        let (divisor, mean, std) = (spec.divisor, spec.mean, spec.std);
        let mut preprocess = Self { fit, channels: spec.channels, divisor, mean, std };
        if spec.pad == Pad::Mean {
            for (i, &picture) in preprocess.order().iter().enumerate() {
                // The code nearest to where value_i = 0.
                let code = f64::from(mean[i]) * f64::from(divisor);
                preprocess.fit.pad[picture] = code.round_ties_even().clamp(0.0, 255.0) as u8;
            }
        }
        Ok(preprocess)
    }

    /// Which of red (0), green (1) and blue (2) each channel of the network reads.
    pub fn order(&self) -> [usize; 3] {
        match self.channels {
            Channels::Rgb => [0, 1, 2],
            Channels::Bgr => [2, 1, 0],
        }
    }

    /// `scale_i = 1 / (divisor · std_i)`, by channel of the network.
    pub fn scale(&self) -> [f64; 3] {
        self.std.map(|std| 1.0 / (f64::from(self.divisor) * f64::from(std)))
    }

    /// `offset_i = −mean_i / std_i`, by channel of the network.
    pub fn offset(&self) -> [f64; 3] {
        [0, 1, 2].map(|i| -f64::from(self.mean[i]) / f64::from(self.std[i]))
    }

    /// True where the network gets the codes as they are.
    pub fn is_raw(&self) -> bool {
        self.divisor == 1.0 && self.mean == [0.0; 3] && self.std == [1.0; 3]
    }

    /// Value of every code, by channel of the network, rounded after each operation as PyTorch does.
    pub fn table(&self) -> Box<[[f32; 256]; 3]> {
        let mut table = Box::new([[0.0; 256]; 3]);
        for (i, row) in table.iter_mut().enumerate() {
            for (code, value) in (0u8..=255).zip(row.iter_mut()) {
                *value = (f32::from(code) / self.divisor - self.mean[i]) / self.std[i];
            }
        }
        table
    }

    /// The float network's input: fitted RGB to height × width × channels of the network. `table` is [`Preprocess::table`].
    pub fn values(&self, table: &[[f32; 256]; 3], rgb: &[u8]) -> Vec<f32> {
        let order = self.order();
        let pixels = rgb.as_chunks::<3>().0.iter();
        pixels.flat_map(|pixel| [0, 1, 2].map(|i| table[i][usize::from(pixel[order[i]])])).collect()
    }

    /// Names this preprocessing in a profile: the same for the same geometry and values, however they were specified.
    pub fn hash(&self) -> Hash {
        let Fit { height, width, resize, pad } = self.fit;
        let resize = match resize {
            Resize::ShorterSide(side) => format!("shorter-side {side}"),
            Resize::Squash => "squash".to_owned(),
            Resize::KeepRatioPad => "keep-ratio-pad".to_owned(),
        };
        let bits = |values: [f32; 3]| values.map(f32::to_bits);
        let (mean, std) = (bits(self.mean), bits(self.std));
        let text = format!(
            "preprocess 1 | {height} {width} | {resize} | pad {pad:?} | order {:?} | divisor {:x} | mean {mean:x?} | std {std:x?}",
            self.order(),
            self.divisor.to_bits(),
        );
        Hash(Sha256::digest(text).into())
    }
}

/// What the pictures are like after preprocessing: exact sums of codes, mergeable in any order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    pixels: u64,
    sum: [u64; 3],
    squares: [u64; 3],
}

impl Statistics {
    /// Of one fitted picture.
    pub fn of(rgb: &[u8]) -> Self {
        let mut statistics = Self::default();
        for pixel in rgb.as_chunks::<3>().0 {
            statistics.pixels += 1;
            for (i, &code) in pixel.iter().enumerate() {
                statistics.sum[i] += u64::from(code);
                statistics.squares[i] += u64::from(code).pow(2);
            }
        }
        statistics
    }

    /// Adds those of other pictures.
    pub fn merge(&mut self, other: &Self) {
        self.pixels += other.pixels;
        for i in 0..3 {
            self.sum[i] += other.sum[i];
            self.squares[i] += other.squares[i];
        }
    }

    /// Mean and standard deviation of each channel of the network.
    pub fn mean_std(&self, preprocess: &Preprocess) -> [(f64, f64); 3] {
        let (order, scale, offset) = (preprocess.order(), preprocess.scale(), preprocess.offset());
        let pixels = self.pixels.max(1) as f64;
        [0, 1, 2].map(|i| {
            let mean = self.sum[order[i]] as f64 / pixels;
            let variance = (self.squares[order[i]] as f64 / pixels - mean * mean).max(0.0);
            (scale[i] * mean + offset[i], scale[i].abs() * variance.sqrt())
        })
    }

    /// What looks wrong, for a network that normalises codes itself (`in_graph`) or does not.
    pub fn warnings(&self, preprocess: &Preprocess, in_graph: bool) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.pixels == 0 {
            return warnings;
        }
        let channels = self.mean_std(preprocess);
        let list = |pick: fn(&(f64, f64)) -> f64| channels.each_ref().map(|c| format!("{:.2}", pick(c))).join(", ");
        let found =
            format!("after preprocessing, channels have mean {} and deviation {}", list(|c| c.0), list(|c| c.1));
        if preprocess.is_raw() && !in_graph {
            warnings.push(format!(
                "{found}: the network gets codes 0…255 although it does not rescale them itself; \
                 try --preprocess torchvision, timm-half or unit"
            ));
        } else if !preprocess.is_raw() && in_graph {
            warnings.push(format!(
                "{found}, and the network rescales codes once more itself; try --preprocess keras, which leaves them alone"
            ));
        } else if !in_graph && channels.iter().any(|&(mean, std)| mean.abs() > 1.5 || std > 2.0) {
            warnings.push(format!(
                "{found}: far from what networks are trained on; is --preprocess the one of the training?"
            ));
        } else if !in_graph && channels.iter().any(|&(_, std)| std < 0.05) {
            warnings.push(format!(
                "{found}: hardly any contrast; are codes divided twice, or the pictures almost uniform?"
            ));
        }
        warnings
    }
}
