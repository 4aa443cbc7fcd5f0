//! What is in the program and in the library, read from the files with `goblin`.

use crate::error::{Error, Result, Stage};
use goblin::archive::Archive;
use goblin::elf::Elf;
use goblin::elf::header::{EM_AARCH64, EM_X86_64, machine_to_str};
use goblin::elf::section_header::{SHF_ALLOC, SHF_WRITE, SHT_NOBITS};
use goblin::elf::sym::{STB_LOCAL, STB_WEAK, STT_FILE};
use std::collections::BTreeSet;
use std::path::Path;

/// Sizes and dependencies of a program or object.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Contents {
    /// Machine, as ELF names it.
    pub machine: String,
    /// Bytes of code and constants, which a device keeps in flash.
    pub flash: u64,
    /// Bytes of variables, which it keeps in RAM (initial values in flash too).
    pub ram: u64,
    /// Size of the file.
    pub file: u64,
    /// Bytes of stack of the deepest chain of calls, where that can be read off the code.
    pub stack: Option<u64>,
    /// Shared libraries that the program needs.
    pub libraries: Vec<String>,
    /// Symbols that are not defined in it.
    pub undefined: Vec<String>,
}

fn failed(path: &Path, cause: String) -> Error {
    Error::new(Stage::Build, cause).at(path.display().to_string())
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|e| failed(path, format!("cannot read it: {e}")))
}

/// Reads a program.
pub fn program(path: &Path) -> Result<Contents> {
    // A linked program has no relocations left to follow.
    contents(path, &read(path)?).map(|contents| Contents { stack: None, ..contents })
}

/// Reads the objects of a library.
pub fn library(path: &Path) -> Result<Vec<Contents>> {
    let bytes = read(path)?;
    let archive = Archive::parse(&bytes).map_err(|e| failed(path, format!("is not an archive: {e}")))?;
    let objects: Vec<&str> = archive.members().into_iter().filter(|name| name.ends_with(".o")).collect();
    if objects.is_empty() {
        return Err(failed(path, "holds no object".into()));
    }
    objects
        .into_iter()
        .map(|name| {
            let object = archive.extract(name, &bytes).map_err(|e| failed(path, format!("{name}: {e}")))?;
            contents(path, object)
        })
        .collect()
}

fn contents(path: &Path, bytes: &[u8]) -> Result<Contents> {
    let elf = Elf::parse(bytes).map_err(|e| failed(path, format!("is not an ELF file: {e}")))?;
    let (mut flash, mut ram) = (0, 0);
    for section in &elf.section_headers {
        let (alloc, write) =
            (section.sh_flags & u64::from(SHF_ALLOC) != 0, section.sh_flags & u64::from(SHF_WRITE) != 0);
        if alloc && section.sh_type != SHT_NOBITS {
            flash += section.sh_size;
        }
        if alloc && write {
            ram += section.sh_size;
        }
    }
    let mut undefined: Vec<String> = elf
        .syms
        .iter()
        .filter(|s| s.st_shndx == 0 && s.st_type() != STT_FILE)
        .filter_map(|s| elf.strtab.get_at(s.st_name))
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect();
    undefined.sort();
    undefined.dedup();
    Ok(Contents {
        machine: machine_to_str(elf.header.e_machine).to_owned(),
        flash,
        ram,
        file: bytes.len() as u64,
        stack: super::stack::depth(&elf, bytes),
        libraries: elf.libraries.iter().map(|l| (*l).to_owned()).collect(),
        undefined,
    })
}

/// Checks that a static library is complete: what a linker takes of it for `entry` needs nothing but the memory functions of C.
pub fn check_archive(path: &Path, entry: &str) -> Result<()> {
    let bytes = read(path)?;
    let archive = Archive::parse(&bytes).map_err(|e| failed(path, format!("is not an archive: {e}")))?;
    // Each object's symbols: those that it defines, and those that it needs.
    let mut objects: Vec<(BTreeSet<&str>, BTreeSet<&str>)> = Vec::new();
    let mut elves = Vec::new();
    for name in archive.members() {
        let object = archive.extract(name, &bytes).map_err(|e| failed(path, format!("{name}: {e}")))?;
        elves.extend(Elf::parse(object));
    }
    for elf in &elves {
        let (mut defines, mut needs) = (BTreeSet::new(), BTreeSet::new());
        for symbol in elf.syms.iter().filter(|s| s.st_type() != STT_FILE && s.st_bind() != STB_LOCAL) {
            match elf.strtab.get_at(symbol.st_name) {
                Some(name) if symbol.st_shndx != 0 => defines.insert(name),
                Some(name) => symbol.st_bind() != STB_WEAK && needs.insert(name),
                None => false,
            };
        }
        objects.push((defines, needs));
    }
    let (mut open, mut seen, mut absent) = (vec![entry], BTreeSet::from([entry]), Vec::new());
    while let Some(symbol) = open.pop() {
        match objects.iter().find(|(defines, _)| defines.contains(symbol)) {
            Some((_, needs)) => open.extend(needs.iter().filter(|name| seen.insert(**name))),
            None => absent.push(symbol),
        }
    }
    absent.sort_unstable();
    complete(absent.into_iter())
}

/// Checks that a shared library needs nothing but the memory functions of C.
pub fn check_shared(path: &Path) -> Result<()> {
    let bytes = read(path)?;
    let elf = Elf::parse(&bytes).map_err(|e| failed(path, format!("is not an ELF file: {e}")))?;
    let undefined = elf.dynsyms.iter().filter(|s| s.st_shndx == 0 && s.st_bind() != STB_WEAK);
    complete(undefined.filter_map(|s| elf.dynstrtab.get_at(s.st_name)).filter(|name| !name.is_empty()))
}

/// Checks that the program is for the right machine and needs nothing but the C library.
pub fn check_program(contents: &Contents, triple: &str) -> Result<()> {
    let expected = match triple.split('-').next() {
        Some("x86_64") => EM_X86_64,
        Some("aarch64") => EM_AARCH64,
        _ => return Ok(()),
    };
    if contents.machine != machine_to_str(expected) {
        return Err(Error::new(
            Stage::Build,
            format!("the program is for {}, not {}", contents.machine, machine_to_str(expected)),
        ));
    }
    let allowed = |name: &String| ["libc.so", "libm.so", "libgcc_s.so", "ld-linux"].iter().any(|a| name.starts_with(a));
    match contents.libraries.iter().find(|name| !allowed(name)) {
        Some(name) => Err(Error::new(Stage::Build, format!("the program needs the shared library {name}"))),
        None => Ok(()),
    }
}

/// Checks that the library can neither panic nor allocate, and needs nothing but the compiler's memory functions.
pub fn check_library(contents: &Contents) -> Result<()> {
    complete(contents.undefined.iter().map(String::as_str))
}

/// Refuses symbols that are needed and are not the compiler's memory functions.
fn complete<'a>(undefined: impl Iterator<Item = &'a str>) -> Result<()> {
    const ALLOWED: [&str; 6] = ["memcpy", "memmove", "memset", "memcmp", "bcmp", "_GLOBAL_OFFSET_TABLE_"];
    let foreign: Vec<&str> = undefined.filter(|n| !ALLOWED.contains(n)).collect();
    if foreign.is_empty() {
        return Ok(());
    }
    let what = if foreign.iter().any(|n| n.contains("panic")) {
        "the library has a panic path"
    } else if foreign.iter().any(|n| n.contains("alloc")) {
        "the library allocates"
    } else {
        "the library needs symbols that it does not define"
    };
    Err(Error::new(Stage::Build, format!("{what}: {}", foreign.join(", "))))
}
