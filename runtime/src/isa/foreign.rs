//! What C calls: functions whose pointers are checked as far as pointers can be.
//!
//! An emitted crate names its functions, and `functions!` defines them. What C must promise stands in the header beside
//! them; what can be seen from here (null, too small, misaligned) is answered with a status instead.

use crate::arena::Arena;
use crate::image::{Fit, Scratch, ScratchSize};

/// The answer is written.
pub const OK: i32 = 0;
/// A pointer is null.
pub const NULL: i32 = 1;
/// The arena has fewer bytes than a run takes, or the memory fewer than [`fit`].
pub const SMALL: i32 = 2;
/// The arena does not start at a multiple of 64 bytes, or the answers or the memory of [`fit`] not at one of 4.
pub const MISALIGNED: i32 = 3;
/// The picture has no pixel, or more than a slice may have bytes.
pub const SIZE: i32 = 4;

/// A number of bytes that a slice may have: half of what can be counted, which pictures exceed where that is 32 bits.
fn slice_len(bytes: Option<usize>) -> Option<usize> {
    bytes.filter(|&bytes| isize::try_from(bytes).is_ok())
}

/// Bytes that [`fit`] works in; 0 where the picture has no pixel, or too many ([`SIZE`]).
pub fn fit_memory(fit: &Fit, height: usize, width: usize) -> usize {
    let bytes = |size: ScratchSize| slice_len(size.weights.checked_mul(4)?.checked_add(size.rows));
    fit.scratch(height, width).ok().and_then(bytes).unwrap_or(0)
}

/// Resizes, crops and pads the picture of `height` rows and `width` columns of red, green and blue at `rgb`, as calibration did, and
/// writes the network's input to `image`. Returns [`OK`], or what is wrong; then nothing is written.
///
/// # Safety
/// Pointers that are not null point to memory that is there: `height · width · 3` bytes to read; `memory_len` bytes that nobody else uses
/// meanwhile and that have been written once, no matter with what; room for the network's input.
pub unsafe fn fit(
    fit: &Fit,
    rgb: *const u8,
    [height, width]: [usize; 2],
    memory: *mut u8,
    memory_len: usize,
    image: *mut u8,
) -> i32 {
    if rgb.is_null() || memory.is_null() || image.is_null() {
        return NULL;
    }
    let (Ok(size), Some(output)) = (fit.scratch(height, width), fit.output_len()) else { return SIZE };
    let pixels = height.checked_mul(width);
    let Some(picture) = slice_len(pixels.and_then(|pixels| pixels.checked_mul(3))) else { return SIZE };
    match fit_memory(fit, height, width) {
        0 => return SIZE,
        needed if memory_len < needed => return SMALL,
        _ => {}
    }
    let weights = memory.cast::<i32>();
    if !weights.is_aligned() {
        return MISALIGNED;
    }
    // SAFETY: not null, and by the caller's promise so many bytes each, the memory nobody else's; it has room for both parts.
    let (rgb, mut scratch, image) = unsafe {
        let rows = memory.add(4 * size.weights);
        let scratch = Scratch {
            weights: core::slice::from_raw_parts_mut(weights, size.weights),
            rows: core::slice::from_raw_parts_mut(rows, size.rows),
        };
        (core::slice::from_raw_parts(rgb, picture), scratch, core::slice::from_raw_parts_mut(image, output))
    };
    if fit.apply(rgb, height, width, &mut scratch, image).is_ok() { OK } else { SIZE }
}

/// Runs `network` on the `IMAGE` bytes at `image` with the memory at `arena`, and writes the numbers that it answers, one
/// after the other, to `answers`. Returns [`OK`], or what is wrong with the pointers; then nothing is written.
///
/// # Safety
/// Pointers that are not null point to memory that is there: `arena_len` bytes that nobody else uses meanwhile and that
/// have been written once, no matter with what; `IMAGE` bytes to read; room for all f32 that `network` answers.
pub unsafe fn run<
    const MAPS: usize,
    const WIDE: usize,
    const REALS: usize,
    const OUTPUTS: usize,
    const IMAGE: usize,
>(
    arena: *mut u8,
    arena_len: usize,
    image: *const u8,
    answers: *mut f32,
    network: impl FnOnce(&[u8; IMAGE], &mut Arena<MAPS, WIDE, REALS, OUTPUTS>, &mut dyn FnMut(f32)),
) -> i32 {
    if arena.is_null() || image.is_null() || answers.is_null() {
        return NULL;
    }
    if arena_len < size_of::<Arena<MAPS, WIDE, REALS, OUTPUTS>>() {
        return SMALL;
    }
    let arena = arena.cast::<Arena<MAPS, WIDE, REALS, OUTPUTS>>();
    if !arena.is_aligned() || !answers.is_aligned() {
        return MISALIGNED;
    }
    // SAFETY: not null, large enough, aligned, and by the caller's promise there and nobody else's; any bytes are an arena.
    let arena = unsafe { &mut *arena };
    // SAFETY: not null, and by the caller's promise so many bytes.
    let image = unsafe { &*image.cast::<[u8; IMAGE]>() };
    let mut next = answers;
    network(image, arena, &mut |number| {
        // SAFETY: aligned, and by the caller's promise there is room for every number of the answer.
        unsafe {
            next.write(number);
            next = next.add(1);
        }
    });
    OK
}

/// Defines `NAME_fit_memory` and `NAME_fit` of an emitted crate's C interface: names, and the geometry.
#[allow(unused_macros, reason = "emitted crates use it")]
macro_rules! fit_functions {
    ($memory:ident, $fit_name:ident, $fit:expr) => {
        /// Bytes that resizing a picture of this size works in; 0 where it has no size that can be worked with.
        #[unsafe(no_mangle)]
        pub extern "C" fn $memory(height: usize, width: usize) -> usize {
            $crate::isa::foreign::fit_memory(&$fit, height, width)
        }

        /// From a picture to the network's input.
        ///
        /// # Safety
        /// As the header says.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $fit_name(
            rgb: *const u8,
            height: usize,
            width: usize,
            memory: *mut u8,
            memory_len: usize,
            image: *mut u8,
        ) -> i32 {
            // SAFETY: the caller promises the same.
            unsafe { $crate::isa::foreign::fit(&$fit, rgb, [height, width], memory, memory_len, image) }
        }
    };
}

#[allow(unused_imports, reason = "emitted crates use it")]
pub(crate) use fit_functions;

/// Defines `NAME_arena_size`, `NAME_cpu_is_supported` and `NAME_run` of an emitted crate's C interface: names, the arena's
/// type, whether the CPU has the instructions, and what runs the network.
#[allow(unused_macros, reason = "emitted crates use it")]
macro_rules! functions {
    ($size:ident, $supported:ident, $run:ident, $arena:ty, $detect:expr, $network:expr) => {
        /// Bytes that a run needs.
        #[unsafe(no_mangle)]
        pub extern "C" fn $size() -> usize {
            size_of::<$arena>()
        }

        /// 1 if this CPU has the instructions, as far as a library can tell; 0 if not.
        #[unsafe(no_mangle)]
        pub extern "C" fn $supported() -> i32 {
            i32::from($detect)
        }

        /// Runs the network.
        ///
        /// # Safety
        /// As the header says.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $run(arena: *mut u8, arena_len: usize, image: *const u8, answers: *mut f32) -> i32 {
            // SAFETY: the caller promises the same.
            unsafe { $crate::isa::foreign::run(arena, arena_len, image, answers, $network) }
        }
    };
}

#[allow(unused_imports, reason = "emitted crates use it")]
pub(crate) use functions;

#[cfg(test)]
mod tests {
    use super::*;

    type Small = Arena<100, 3, 2, 4>;

    /// A run on these pointers: status, and the answers' memory.
    fn status(offset: usize, len: usize, answer_offset: usize) -> (i32, [f32; 3]) {
        let mut memory = [Small::new(), Small::new()];
        let mut answers = [9.0_f32; 3];
        let arena = memory.as_mut_ptr().cast::<u8>().wrapping_add(offset);
        let out = answers.as_mut_ptr().cast::<u8>().wrapping_add(answer_offset).cast::<f32>();
        // SAFETY: two arenas are there, of which the second is room for offsets, and three floats.
        let status = unsafe {
            run(arena, len, [7_u8, 8].as_ptr(), out, |image: &[u8; 2], arena: &mut Small, put| {
                arena.maps.0[99] = 1;
                put(f32::from(image[0]));
                put(f32::from(image[1]));
            })
        };
        (status, answers)
    }

    #[test]
    fn pointers_that_can_be_seen_to_be_wrong_are_refused() {
        let size = size_of::<Small>();
        assert_eq!(status(0, size, 0), (OK, [7.0, 8.0, 9.0]));
        assert_eq!(status(64, size, 0), (OK, [7.0, 8.0, 9.0]));
        assert_eq!(status(0, size - 1, 0), (SMALL, [9.0; 3]));
        assert_eq!(status(1, size, 0), (MISALIGNED, [9.0; 3]));
        assert_eq!(status(0, size, 2), (MISALIGNED, [9.0; 3]));
        let mut arena = Small::new();
        let (memory, image, mut answer) = ((&raw mut arena).cast::<u8>(), [1_u8; 2], [0.0; 1]);
        let nothing = |_: &[u8; 2], _: &mut Small, _: &mut dyn FnMut(f32)| {};
        // SAFETY: null pointers are not followed, the others are good.
        let refused = unsafe {
            [
                run(core::ptr::null_mut(), size, image.as_ptr(), answer.as_mut_ptr(), nothing),
                run(memory, size, core::ptr::null(), answer.as_mut_ptr(), nothing),
                run(memory, size, image.as_ptr(), core::ptr::null_mut(), nothing),
            ]
        };
        assert_eq!(refused, [NULL; 3]);
    }

    #[test]
    fn a_picture_is_fitted_as_the_programs_do_it() {
        let geometry = Fit { height: 2, width: 3, resize: crate::image::Resize::Squash, pad: [0; 3] };
        let (height, width) = (5, 4);
        let rgb: [u8; 60] = core::array::from_fn(|i| (i * 37 % 251) as u8);
        let needed = fit_memory(&geometry, height, width);
        assert!(needed > 0 && needed <= 1024, "{needed}");
        let size = geometry.scratch(height, width).expect("a size");
        let (mut weights, mut rows, mut expected) = ([0; 256], [0; 256], [0_u8; 18]);
        let mut scratch = Scratch { weights: &mut weights[..size.weights], rows: &mut rows[..size.rows] };
        geometry.apply(&rgb, height, width, &mut scratch, &mut expected).expect("it fits");

        let (mut memory, mut image) = ([0_i32; 256], [9_u8; 18]);
        let start = memory.as_mut_ptr().cast::<u8>();
        let mut call = |size, offset: usize, len| {
            // SAFETY: memory for what is asked for, with room for the offset, and all of picture and image.
            unsafe { fit(&geometry, rgb.as_ptr(), size, start.wrapping_add(offset), len, image.as_mut_ptr()) }
        };
        assert_eq!(call([height, width], 0, needed - 1), SMALL);
        assert_eq!(call([height, width], 1, needed), MISALIGNED);
        assert_eq!(call([0, width], 0, needed), SIZE);
        assert_eq!(call([usize::MAX, width], 0, needed), SIZE);
        assert_eq!(call([height, width], 0, needed), OK);
        assert_eq!(image, expected);
        // SAFETY: null pointers are not followed.
        let null = unsafe { fit(&geometry, core::ptr::null(), [height, width], start, needed, image.as_mut_ptr()) };
        assert_eq!(null, NULL);
        // What no slice can have, as pictures of more than 2 GiB have it on 32 bits.
        assert_eq!(slice_len(Some(usize::MAX / 2 + 1)), None);
        assert_eq!(slice_len(Some(usize::MAX / 2)), Some(usize::MAX / 2));
        assert_eq!((fit_memory(&geometry, 0, 4), fit_memory(&geometry, usize::MAX, usize::MAX)), (0, 0));
    }
}
