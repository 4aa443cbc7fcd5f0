//! How deep the library's stack can get, from its object: frames along the longest chain of calls.
//!
//! rustc puts each function in a section of its own, so sections are functions. A frame is what the code subtracts from
//! the stack pointer plus what it pushes; a relocation to another function's section is a call (or takes its
//! address, which counts as one). There is no recursion and no call through a pointer in an emitted library.

use goblin::elf::Elf;
use goblin::elf::header::{EM_AARCH64, EM_X86_64};
use goblin::elf::section_header::SHF_EXECINSTR;
use std::collections::{BTreeMap, BTreeSet};

/// What a memory function of the C library may take.
const LEAF: u64 = 256;

/// Bytes of stack of the deepest chain; `None` for machines whose code is not understood here, or where calls form a ring.
pub fn depth(elf: &Elf<'_>, bytes: &[u8]) -> Option<u64> {
    let frame: fn(&[u8]) -> u64 = match elf.header.e_machine {
        EM_X86_64 => frame_x86_64,
        EM_AARCH64 => frame_aarch64,
        _ => return None,
    };
    let mut frames = BTreeMap::new();
    for (index, section) in elf.section_headers.iter().enumerate() {
        if section.sh_flags & u64::from(SHF_EXECINSTR) != 0 {
            let code = section.file_range().and_then(|range| bytes.get(range)).unwrap_or_default();
            frames.insert(index, frame(code));
        }
    }
    let mut calls: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for (index, relocations) in &elf.shdr_relocs {
        let from = elf.section_headers.get(*index)?.sh_info as usize;
        if !frames.contains_key(&from) {
            continue;
        }
        let targets = relocations.iter().filter_map(|r| elf.syms.get(r.r_sym)).map(|symbol| symbol.st_shndx);
        calls.entry(from).or_default().extend(targets.filter(|to| *to != from && frames.contains_key(to)));
    }
    let mut known = BTreeMap::new();
    let mut open = BTreeSet::new();
    let deepest = frames
        .keys()
        .map(|&f| chain(f, &frames, &calls, &mut known, &mut open))
        .try_fold(0, |most, d| Some(most.max(d?)))?;
    Some(deepest + LEAF)
}

/// The deepest chain from `from` on.
fn chain(
    from: usize,
    frames: &BTreeMap<usize, u64>,
    calls: &BTreeMap<usize, BTreeSet<usize>>,
    known: &mut BTreeMap<usize, u64>,
    open: &mut BTreeSet<usize>,
) -> Option<u64> {
    if let Some(&depth) = known.get(&from) {
        return Some(depth);
    }
    if !open.insert(from) {
        return None;
    }
    let mut below = 0;
    for &to in calls.get(&from).into_iter().flatten() {
        below = below.max(chain(to, frames, calls, known, open)?);
    }
    open.remove(&from);
    let depth = frames.get(&from)? + below;
    known.insert(from, depth);
    Some(depth)
}

/// Return address, saved registers (at most seven are pushed), and the largest `sub rsp, imm`.
fn frame_x86_64(code: &[u8]) -> u64 {
    let mut largest = 0;
    for at in 0..code.len() {
        let rest = &code[at..];
        let size = match rest {
            [0x48, 0x81, 0xEC, a, b, c, d, ..] => u32::from_le_bytes([*a, *b, *c, *d]),
            [0x48, 0x83, 0xEC, a, ..] => u32::from(*a),
            _ => 0,
        };
        // What is no instruction but looks like one would be enormous, or not a multiple of eight.
        if size < 1 << 20 && size % 8 == 0 {
            largest = largest.max(size);
        }
    }
    // An aligned frame loses up to a vector more.
    8 + 7 * 8 + u64::from(largest) + 64
}

/// Sum of the `sub sp, sp, #imm`, at most one of each shift, and twelve saved register pairs.
fn frame_aarch64(code: &[u8]) -> u64 {
    let mut largest = [0_u64; 2];
    for word in code.as_chunks::<4>().0 {
        let word = u32::from_le_bytes(*word);
        if word & 0xFF80_03FF == 0xD100_03FF {
            let (shifted, size) = (word >> 22 & 1, u64::from(word >> 10 & 0xFFF));
            let slot = &mut largest[shifted as usize];
            *slot = (*slot).max(size << (12 * shifted));
        }
    }
    largest[0] + largest[1] + 12 * 16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_from_code() {
        // push rbp; sub rsp, 0x1000; ret
        assert_eq!(frame_x86_64(&[0x55, 0x48, 0x81, 0xEC, 0, 0x10, 0, 0, 0xC3]), 0x1000 + 128);
        // sub sp, sp, #0x20; sub sp, sp, #1, lsl #12; ret
        let code: Vec<u8> = [0xD100_83FF_u32, 0xD140_07FF, 0xD65F_03C0].iter().flat_map(|w| w.to_le_bytes()).collect();
        assert_eq!(frame_aarch64(&code), 0x20 + 0x1000 + 192);
    }

    #[test]
    fn the_longest_chain_counts_and_a_ring_has_none() {
        let frames = BTreeMap::from([(1, 10), (2, 20), (3, 30)]);
        let mut calls = BTreeMap::from([(1, BTreeSet::from([2, 3])), (2, BTreeSet::from([3]))]);
        let depth = |calls: &_| chain(1, &frames, calls, &mut BTreeMap::new(), &mut BTreeSet::new());
        assert_eq!(depth(&calls), Some(60));
        calls.insert(3, BTreeSet::from([1]));
        assert_eq!(depth(&calls), None);
    }
}
