//! Instruction sets by name.

/// An instruction set by name, known on every host: the compiler packs weights for foreign targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// Plain Rust, whatever the target is.
    Portable,
    /// AVX2 without VNNI: exact `vpmaddwd` over i16.
    Avx2,
    /// AVX-VNNI: `vpdpbusd` over 256 bits.
    AvxVnni,
    /// AVX-512 F, BW, DQ, VL and VNNI: `vpdpbusd` over 512 bits.
    Avx512Vnni,
    /// NEON without dot product: `smull`, `smlal`, `sadalp` over i8.
    Neon,
    /// NEON with `sdot`.
    NeonDot,
    /// NEON with `usmmla` and `usdot`.
    I8mm,
    /// WebAssembly with simd128: `i32x4.dot_i16x8_s` over i16.
    Simd128,
}

impl Level {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Portable,
        Self::Avx2,
        Self::AvxVnni,
        Self::Avx512Vnni,
        Self::Neon,
        Self::NeonDot,
        Self::I8mm,
        Self::Simd128,
    ];

    /// The name that [`Level::parse`] reads.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::AvxVnni => "avxvnni",
            Self::Avx512Vnni => "avx512vnni",
            Self::Neon => "neon",
            Self::NeonDot => "neondot",
            Self::I8mm => "i8mm",
            Self::Simd128 => "simd128",
        }
    }

    /// The level of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }

    /// Lanes of i32 in the vector that the kernels of this level count in ([`Isa::LANES`](super::Isa::LANES)).
    #[inline(always)]
    pub const fn lanes(self) -> usize {
        match self {
            Self::Avx512Vnni => 16,
            Self::Portable | Self::Avx2 | Self::AvxVnni => 8,
            Self::Neon | Self::NeonDot | Self::I8mm | Self::Simd128 => 4,
        }
    }

    /// Most rows of a pointwise tile of so many vectors, whose accumulators are registers: 8, 6 or 4.
    #[inline(always)]
    pub const fn rows(self, vectors: usize) -> usize {
        match self.accumulators().checked_div(vectors) {
            Some(8..) | None => 8,
            Some(6..) => 6,
            Some(_) => 4,
        }
    }

    /// Most vectors of a pointwise panel: as many as four rows leave registers for, with those for codes and weights.
    #[inline(always)]
    pub const fn widest(self) -> usize {
        match self {
            Self::I8mm | Self::NeonDot => 6,
            Self::Neon | Self::Avx512Vnni => 4,
            Self::Avx2 | Self::AvxVnni | Self::Simd128 => 3,
            Self::Portable => 1,
        }
    }

    /// Whether depthwise tiles may be seven pixels wide.
    #[inline(always)]
    pub const fn wide(self) -> bool {
        !matches!(self, Self::Portable | Self::Simd128)
    }

    /// Whether what stores fine codes (not [`Isa::parts`](super::Isa::parts)) saturates them to 0…4095, which is quicker.
    #[inline(always)]
    pub const fn saturates(self) -> bool {
        matches!(self, Self::Avx512Vnni)
    }

    /// How many vectors of accumulators a pointwise tile may hold ([`Isa::ACCUMULATORS`](super::Isa::ACCUMULATORS)).
    #[inline(always)]
    pub const fn accumulators(self) -> usize {
        match self {
            Self::Portable => 4,
            Self::Avx2 | Self::AvxVnni | Self::Simd128 => 12,
            Self::Neon => 16,
            Self::NeonDot | Self::I8mm => 18,
            Self::Avx512Vnni => 24,
        }
    }
}
