//! Decoding: pictures of every kind against what Pillow makes of them, and files that are none.

use std::path::{Path, PathBuf};

use bakelite::dataset::decode::{Picture, decode};
use bakelite::dataset::decode_any;

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dataset_fixtures").join(name)).unwrap()
}

/// What Pillow made of it.
fn expected(name: &str) -> Picture {
    let bytes = fixture(&format!("{name}.rgb"));
    let side = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    Picture { height: side(0), width: side(4), rgb: bytes[8..].to_vec() }
}

const PNG: [&str; 8] = [
    "rgb.png",
    "grey.png",
    "grey_alpha.png",
    "rgba.png",
    "palette.png",
    "palette_transparent.png",
    "one_bit.png",
    "grey16.png",
];
const JPEG: [&str; 5] = ["rgb.jpg", "rgb420.jpg", "progressive.jpg", "grey.jpg", "cmyk.jpg"];
const WEBP: [&str; 2] = ["lossless.webp", "alpha.webp"];

#[test]
fn lossless_pictures_equal_pillow() {
    for name in PNG {
        assert!(decode(&fixture(name)).unwrap() == expected(name), "{name}");
    }
    for name in PNG.iter().chain(&WEBP) {
        assert!(decode_any(&fixture(name)).unwrap() == expected(name), "{name}");
    }
}

#[test]
fn jpegs_are_close_to_pillow() {
    for name in JPEG {
        let (found, expected) = (decode(&fixture(name)).unwrap(), expected(name));
        assert_eq!((found.height, found.width), (expected.height, expected.width), "{name}");
        let differences: Vec<u8> = found.rgb.iter().zip(&expected.rgb).map(|(a, b)| a.abs_diff(*b)).collect();
        let most = differences.iter().max().unwrap();
        let mean = differences.iter().map(|&d| f64::from(d)).sum::<f64>() / differences.len() as f64;
        println!("{name}: at most {most}, {mean:.3} on average");
        // Decoders round differently, and upsample colour differently.
        assert!(*most <= 6 && mean < 0.6, "{name}: at most {most}, {mean} on average");
    }
}

#[test]
fn whatever_is_cut_or_damaged_is_refused_or_decoded_but_never_a_panic() {
    for name in PNG.iter().chain(&JPEG).chain(&WEBP) {
        let bytes = fixture(name);
        for end in 0..bytes.len() * 9 / 10 {
            assert!(decode_any(&bytes[..end]).is_err(), "{name}: {end} of {} bytes", bytes.len());
        }
        let mut state = 1u32;
        for _ in 0..400 {
            let mut damaged = bytes.clone();
            for _ in 0..3 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let at = state as usize % damaged.len();
                damaged[at] ^= (state >> 24) as u8;
            }
            let _ = decode_any(&damaged);
        }
    }
}

#[test]
fn other_content_is_named() {
    for (content, word) in [
        (&b""[..], "empty"),
        (b"just some text, named like a picture", "first bytes"),
        (b"GIF89a............", "first bytes"),
        (b"\xff\xd8\xff\xe0", "JPEG"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "WebP"),
    ] {
        let cause = decode_any(content).unwrap_err();
        assert!(cause.contains(word), "{cause}");
    }
}

#[test]
fn bombs_are_refused_before_memory_is_taken() {
    // A PNG that says 40,000 × 40,000.
    let mut png = fixture("rgb.png");
    png[16..20].copy_from_slice(&40_000u32.to_be_bytes());
    png[20..24].copy_from_slice(&40_000u32.to_be_bytes());
    let crc = crc32(&png[12..29]);
    png[29..33].copy_from_slice(&crc.to_be_bytes());
    let cause = decode(&png).unwrap_err();
    assert!(cause.contains("limit"), "{cause}");
    // A JPEG that says 65,500 × 65,500.
    let mut jpeg = fixture("rgb.jpg");
    let sof = jpeg.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
    jpeg[sof + 5..sof + 9].copy_from_slice(&[0xff, 0xdc, 0xff, 0xdc]);
    let cause = decode(&jpeg).unwrap_err();
    assert!(cause.contains("limit"), "{cause}");
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    })
}

fn shared() -> PathBuf {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    std::env::var_os("BAKELITE_SHARED").map_or_else(default, PathBuf::from)
}

#[test]
fn every_shared_picture_decodes() {
    let folder = shared().join("images");
    if !folder.is_dir() {
        println!("skipped: no shared images");
        return;
    }
    let mut count = 0;
    for part in ["calibration", "evaluation", "text_direction"] {
        let dataset = bakelite::dataset::Dataset::open(&folder.join(part)).unwrap();
        for image in dataset.images() {
            let picture = decode_any(&std::fs::read(&image.path).unwrap());
            assert!(picture.is_ok(), "{}: {picture:?}", image.name);
            count += 1;
        }
    }
    println!("{count} pictures");
}
