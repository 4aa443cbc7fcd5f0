//! Several outputs and maps: what is in each, and the mask, if one of them says of every pixel what it is.

use super::outputs::{MASK, OUTPUTS};
use super::text::{all, label_json, label_or_number, quoted};
use super::{Options, print};
use std::ffi::OsStr;
use std::fmt::Write;
use std::io;
use std::path::Path;

/// One answer of the network: so many rows, columns and channels.
pub struct Output {
    pub name: &'static str,
    pub shape: [usize; 3],
}

/// How the mask's numbers say what a pixel is.
#[allow(dead_code, reason = "a network has one way")]
#[derive(Clone, Copy)]
pub enum Pixels {
    /// They are class numbers.
    Classes,
    /// The pixel is in if its only number is above this.
    YesAbove(f32),
    /// The class is the channel of the largest number.
    Largest,
}

/// The output that is a mask, and where its numbers start among those of all outputs.
pub struct Mask {
    pub output: usize,
    pub start: usize,
    pub pixels: Pixels,
}

/// Whether there are masks to write.
pub const MASKS: bool = MASK.is_some();

pub const USAGE: &str = "\
Usage: {{ name }} {% if mask %}[--masks DIR] [--top K] {% endif %}[--json] [--scores] IMAGE...   run on pictures (JPEG, PNG)
       {{ name }} {% if mask %}[--masks DIR] [--top K] {% endif %}[--json] [--scores] --raw      raw pixels on standard input, any number of
                                                  images, each {{ height }} x {{ width }} x {{ channels }} bytes, row by row
";

pub const OPTIONS: &str = "  \
{% if mask %}  --masks DIR  write the mask of each picture into this folder as PICTURE.mask.png, of the network's size: grey where a
               pixel is in or out, a palette where there are several classes
  --top K      how many classes of a mask to show (default 5)
{% endif %}  --json       one JSON object per line: {\"file\", \"outputs\": [{\"name\", \"shape\", \"min\", \"max\"}]{% if mask %},
               \"mask\": [{\"class\", \"label\", \"share\"}]{% endif %}}
  --scores     all numbers of all outputs too, in order, as \"scores\"
";

/// The class of every pixel of the mask.
fn classes(mask: &Mask, numbers: &[f32]) -> Vec<u8> {
    let channels = OUTPUTS[mask.output].shape[2];
    let largest = |pixel: &[f32]| {
        pixel.iter().enumerate().fold((0, f32::NEG_INFINITY), |best, (c, &v)| if v > best.1 { (c, v) } else { best }).0 as u8
    };
    match mask.pixels {
        Pixels::Classes => numbers.iter().map(|&number| number as u8).collect(),
        Pixels::YesAbove(threshold) => numbers.iter().map(|&number| u8::from(number > threshold)).collect(),
        Pixels::Largest => numbers.chunks_exact(channels).map(largest).collect(),
    }
}

/// The part of the numbers of all outputs that is the mask.
fn of_mask<'a>(mask: &Mask, numbers: &'a [f32]) -> &'a [f32] {
    let len = OUTPUTS[mask.output].shape.iter().product::<usize>();
    numbers.get(mask.start..mask.start + len).unwrap_or_default()
}

/// Prints one answer, and writes its mask where that is asked for.
pub fn show(options: &Options, file: &Path, numbers: &[f32]) -> io::Result<()> {
    let mut line = String::new();
    if options.json {
        let _ = write!(line, "{{ open }}\"file\":{},\"outputs\":[", quoted(&file.to_string_lossy()));
    } else {
        line.push_str(&file.to_string_lossy());
    }
    let mut rest = numbers;
    for (i, output) in OUTPUTS.iter().enumerate() {
        let [height, width, channels] = output.shape;
        let (own, others) = rest.split_at_checked(height * width * channels).unwrap_or_default();
        rest = others;
        let (min, max) = own.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(a, b), &v| (a.min(v), b.max(v)));
        if options.json {
            let (comma, name) = (if i > 0 { "," } else { "" }, quoted(output.name));
            let _ = write!(
                line,
                "{comma}{{ open }}\"name\":{name},\"shape\":[{height},{width},{channels}],\"min\":{min},\"max\":{max}{{ close }}"
            );
        } else {
            let _ = write!(line, "\n  {}: {height} x {width} x {channels}, {min} to {max}", output.name);
        }
    }
    line.push_str(if options.json { "]" } else { "" });
    if let Some(mask) = &MASK {
        let numbers = of_mask(mask, numbers);
        let classes = classes(mask, numbers);
        shares(options, &classes, &mut line);
        if let Some(folder) = &options.masks {
            write(folder, file, mask, numbers, &classes)?;
        }
    }
    match (options.scores, options.json) {
        (true, true) => drop(write!(line, ",\"scores\":[{}]", all(numbers, ","))),
        (true, false) => drop(write!(line, "\n  scores {}", all(numbers, " "))),
        (false, _) => {}
    }
    line.push_str(if options.json { "}\n" } else { "\n" });
    print(&line)
}

/// How much of the picture each class has, the largest first.
fn shares(options: &Options, classes: &[u8], line: &mut String) {
    let mut counts = [0_usize; 256];
    for &class in classes {
        counts[usize::from(class)] += 1;
    }
    let mut order: Vec<usize> = (0..counts.len()).filter(|&class| counts[class] > 0).collect();
    order.sort_by_key(|&class| std::cmp::Reverse(counts[class]));
    order.truncate(options.top);
    let share = |class: usize| counts[class] as f64 / classes.len().max(1) as f64;
    if options.json {
        let row = |&class: &usize| {
            format!("{{ open }}\"class\":{class},\"label\":{},\"share\":{}{{ close }}", label_json(class), share(class))
        };
        let _ = write!(line, ",\"mask\":[{}]", order.iter().map(row).collect::<Vec<_>>().join(","));
    } else {
        for &class in &order {
            let _ = write!(line, "\n  {:5.1} %  {}", 100.0 * share(class), label_or_number(class));
        }
    }
}

/// Writes a mask as a picture.
fn write(folder: &OsStr, file: &Path, mask: &Mask, numbers: &[f32], classes: &[u8]) -> io::Result<()> {
    let name = file.file_name().unwrap_or(OsStr::new("picture"));
    let mut path = Path::new(folder).join(name).into_os_string();
    path.push(".mask.png");
    let told = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", Path::new(&path).display()));
    std::fs::create_dir_all(folder).map_err(told)?;
    std::fs::write(&path, encoded(mask, numbers, classes)?).map_err(|error| {
        // Half a picture is none.
        let _ = std::fs::remove_file(&path);
        told(error)
    })
}

/// A mask as the bytes of a PNG.
fn encoded(mask: &Mask, numbers: &[f32], classes: &[u8]) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let [height, width, _] = OUTPUTS[mask.output].shape;
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
    encoder.set_depth(png::BitDepth::Eight);
    let grey: Option<Vec<u8>> = match mask.pixels {
        // Probabilities as they are; of logits the sigmoid.
        Pixels::YesAbove(0.0) => Some(numbers.iter().map(|&x| (255.0 / (1.0 + (-x).exp())).round() as u8).collect()),
        Pixels::YesAbove(_) => Some(numbers.iter().map(|&x| (255.0 * x).round() as u8).collect()),
        Pixels::Classes | Pixels::Largest => None,
    };
    if grey.is_some() {
        encoder.set_color(png::ColorType::Grayscale);
    } else {
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_palette(palette());
    }
    let mut writer = encoder.write_header()?;
    writer.write_image_data(grey.as_deref().unwrap_or(classes))?;
    writer.finish()?;
    Ok(bytes)
}

/// A colour for every class, neighbours far apart: bit k of the class number is a high bit of red, green or blue in turn.
fn palette() -> Vec<u8> {
    let colour = |class: usize, channel: usize| {
        (0..3).filter(|bit| class >> (3 * bit + channel) & 1 == 1).fold(0, |sum, bit| sum | 0x80_u8 >> bit)
    };
    (0..256).flat_map(|class| (0..3).map(move |channel| colour(class, channel))).collect()
}
