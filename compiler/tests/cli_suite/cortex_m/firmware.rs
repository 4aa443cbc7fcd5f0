//! All the software of a Cortex-M4: runs the network of `libtwo.a` on images in flash and prints the bits of every answer through the
//! debugger, as the crate's C example does. Compiled to an object, and linked by `memory.ld`.
#![no_std]

use core::arch::{asm, global_asm};

// The first words of flash: top of the stack, and where to start. Without the coprocessor registers no float can be touched.
global_asm!(
    ".section .vectors, \"a\"",
    ".word stack_top",
    ".word reset",
    ".fill 14, 4, 0",
    ".text",
    ".thumb_func",
    ".global reset",
    "reset:",
    "ldr r0, =0xE000ED88",
    "ldr r1, [r0]",
    "orr r1, r1, #(0xF << 20)",
    "str r1, [r0]",
    "dsb",
    "isb",
    "bl firmware",
    "b .",
);

unsafe extern "C" {
    fn two_arena_size() -> usize;
    fn two_run(arena: *mut u8, arena_len: usize, image: *const u8, answers: *mut f32) -> i32;
}

const IMAGE: usize = 24 * 40 * 3;
const ROOM: usize = 1 << 18;
static IMAGES: &[u8] = include_bytes!(env!("IMAGES"));

#[repr(align(64))]
struct Arena([u8; ROOM]);
static mut ARENA: Arena = Arena([0; ROOM]);
static mut ANSWERS: [f32; ROOM / 4] = [0.0; ROOM / 4];

/// A request to the debugger: `0x04` prints text, `0x18` ends.
fn ask(request: u32, argument: usize) {
    // SAFETY: the debugger reads what the argument points to, up to its zero.
    unsafe { asm!("bkpt 0xab", inout("r0") request => _, in("r1") argument) }
}

#[unsafe(no_mangle)]
extern "C" fn firmware() -> ! {
    let (outputs, _) = env!("OUTPUTS").as_bytes().split_at(env!("OUTPUTS").len());
    let outputs = outputs.iter().fold(0, |number, digit| 10 * number + usize::from(digit - b'0'));
    // SAFETY: one core, no interrupts: nobody else has them. The arena is as long and aligned as `two_run` wants, or it says so.
    let (arena, answers) = unsafe { (&raw mut ARENA.0, (&raw mut ANSWERS).cast::<f32>()) };
    let mut failed = outputs > ROOM / 4;
    for image in IMAGES.chunks_exact(IMAGE) {
        // SAFETY: as above; `image` has the network's length.
        failed |= failed || unsafe { two_arena_size() > ROOM || two_run(arena.cast(), ROOM, image.as_ptr(), answers) != 0 };
        for i in 0..if failed { 0 } else { outputs } {
            // SAFETY: i < ROOM / 4.
            let bits = unsafe { answers.add(i).read() }.to_bits();
            let mut word = [0u8; 10];
            for (digit, place) in word.iter_mut().zip((0..8).rev()) {
                let value = (bits >> (4 * place) & 15) as u8;
                *digit = if value < 10 { b'0' + value } else { b'a' - 10 + value };
            }
            word[8] = if i + 1 < outputs { b' ' } else { b'\n' };
            ask(0x04, word.as_ptr() as usize);
        }
    }
    // "Application exit", or a runtime error.
    ask(0x18, if failed { 0x2_0023 } else { 0x2_0026 });
    loop {}
}
