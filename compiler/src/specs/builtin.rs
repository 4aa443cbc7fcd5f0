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
    "aarch64-android", "aarch64-generic", "aarch64-multi", "aarch64-none", "apple-ios", "apple-m1", "cortex-a53", "cortex-a55", "cortex-a72", "cortex-a76", "cortex-a78", "neoverse-n1", "neoverse-v1",
    "raspberry-pi-3", "raspberry-pi-4", "raspberry-pi-5",
    "thumbv7em", "wasm32", "x86-64-avx2", "x86-64-avx512vnni", "x86-64-avxvnni", "x86-64-multi", "x86-64-portable",
);

/// `specs/recipes/`.
pub const RECIPES: Table = table!("recipes": "best", "default", "fast", "mixed", "per-tensor");

/// `specs/costs/`, by name of the kernels.
pub const COSTS: Table = table!("costs": "i8mm", "neon", "neondot");

/// `specs/architectures/`.
pub const ARCHITECTURES: Table = table!("architectures":
    "efficientnet-b0", "efficientnet-lite0", "mnasnet-a1", "mnasnet-b1", "mobilenet-v1", "mobilenet-v2",
    "mobilenet-v3-large", "mobilenet-v3-large-lr-aspp", "mobilenet-v3-small", "squeezenet-1.0", "squeezenet-1.1",
);

/// `specs/preprocess/`.
pub const PREPROCESS: Table = table!("preprocess":
    "imagenet", "keras", "paddleocr", "timm-half", "torchvision", "unit",
);
