//! Writes pictures of the demonstration as one raw file, for `compiler/demo/train.py` and for looking at them.
//!
//! ```text
//! cargo run --release --example demo_pictures -- SEED FIRST COUNT > pictures.raw
//! ```
//!
//! Each picture is three little-endian u32 (class, width, height) and `width·height·3` bytes of RGB. Resizing and
//! cropping are left to the reader, whose preprocessing they are.

// By path, so that the generator can be built and timed without the compiler around it.
#[path = "../src/demo"]
mod demo {
    pub mod pictures;
}

use demo::pictures;

use std::io::{self, BufWriter, Write};

fn main() -> io::Result<()> {
    let numbers: Vec<u64> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let [seed, first, count] = numbers[..] else {
        eprintln!("usage: demo_pictures SEED FIRST COUNT > pictures.raw   (classes: {})", pictures::CLASSES.join(", "));
        std::process::exit(2);
    };
    let mut out = BufWriter::new(io::stdout().lock());
    for index in first..first + count {
        let picture = pictures::picture(seed, index);
        for field in [picture.class as u32, picture.width, picture.height] {
            out.write_all(&field.to_le_bytes())?;
        }
        out.write_all(&picture.rgb)?;
    }
    out.flush()
}
