//! The program is one static file: the way home needs no loader and no library of the machine.

use crate::program::{PROGRAM, run};
use crate::skipped::skipped;

/// The kind of a segment that names a dynamic loader.
const PT_INTERP: u32 = 3;

/// The kinds of the segments of a 64-bit little-endian ELF file.
fn segments(elf: &[u8]) -> Vec<u32> {
    assert_eq!(elf[..6], *b"\x7fELF\x02\x01", "a 64-bit little-endian ELF file");
    let number = |at: usize, size: usize| {
        elf[at..at + size].iter().rev().fold(0usize, |all, byte| all << 8 | usize::from(*byte))
    };
    let (table, size, count) = (number(0x20, 8), number(0x36, 2), number(0x38, 2));
    (0..count).map(|nth| u32::try_from(number(table + nth * size, 4)).expect("four bytes")).collect()
}

#[test]
fn the_program_names_no_loader() {
    let program = std::fs::read(PROGRAM).expect("the program");
    let segments = segments(&program);
    assert!(segments.len() > 2, "{segments:?}");
    assert!(!segments.contains(&PT_INTERP), "{segments:?}");
}

#[test]
fn the_test_sees_the_loader_of_a_program_that_has_one() {
    let Ok(shell) = std::fs::read("/bin/sh") else {
        return skipped("the_test_sees_the_loader_of_a_program_that_has_one", "there is no /bin/sh");
    };
    let found = segments(&shell).contains(&PT_INTERP);
    let said = run("ldd", &["/bin/sh"]);
    assert_eq!(found, said.all.contains("=>"), "{}", said.all);
}

#[test]
fn ldd_finds_nothing_to_load() {
    let said = run("ldd", &[PROGRAM]);
    let fixed = said.all.contains("statically linked") || said.all.contains("not a dynamic executable");
    assert!(fixed, "{}", said.all);
}
