//! The files of `specs/` that are compiled in: one line each.

/// Names and texts.
pub type Table = &'static [(&'static str, &'static str)];

macro_rules! table {
    ($kind:literal: $($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../specs/", $kind, "/", $name, ".yaml")))),*]
    };
}

/// `specs/targets/`.
pub const TARGETS: Table = table!("targets":
    "aarch64-generic", "cortex-a76", "x86-64-avx2", "x86-64-avx512vnni", "x86-64-avxvnni", "x86-64-portable",
);

/// `specs/recipes/`.
pub const RECIPES: Table = table!("recipes": "default", "fast", "per-tensor");

/// `specs/architectures/`.
pub const ARCHITECTURES: Table = table!("architectures":
    "mobilenet-v1", "mobilenet-v2", "mobilenet-v3-large", "mobilenet-v3-small",
);

/// `specs/preprocess/`.
pub const PREPROCESS: Table = table!("preprocess":
    "imagenet", "keras", "paddleocr", "timm-half", "torchvision", "unit",
);
