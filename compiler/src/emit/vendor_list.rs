sources![
    "arena.rs", "blob.rs", "image.rs", "isa.rs", "isa/avx512vnni.rs", "isa/cpuid.rs", "isa/portable.rs",
    "kernel.rs", "kernel/add.rs", "kernel/convolution.rs", "kernel/dense.rs", "kernel/depthwise.rs",
    "kernel/epilogue.rs", "kernel/gate.rs", "kernel/max_pool.rs", "kernel/mean.rs", "kernel/pointwise.rs",
    "kernel/real.rs", "kernel/table.rs", "layer.rs", "lib.rs", "pack.rs",
];
