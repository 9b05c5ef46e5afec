//! Every cut, every byte, any facts. `tests/mutants.sh` asks these of what the quick tests let through.

use super::*;
use crate::store::sample::any_event;
use proptest::prelude::*;

#[test]
fn a_journal_cut_at_any_byte_keeps_every_whole_line_and_goes_on() {
    let facts = story(1);
    let (_folder, path, bytes) = written(&facts);
    let ends = ends(&bytes);
    for cut in 0..=bytes.len() {
        fs::write(&path, &bytes[..cut]).expect("written");
        let whole = ends.iter().filter(|end| **end <= cut).count();
        let torn = cut > 0 && !ends.contains(&cut);
        let journal = scan(&bytes[..cut], None, u64::MAX, LONGEST_LINE).expect("read");
        assert_eq!((journal.torn, &journal.damage), (torn, &None), "cut at {cut}");
        assert_eq!(journal.envelopes, facts[..whole], "cut at {cut}");
        if whole + 1 < facts.len() {
            continue;
        }
        forget_head(&path);
        let (mut writer, journal) = JournalWriter::open(&path).expect("opened");
        assert_eq!((journal.torn, &journal.damage), (torn, &None), "cut at {cut}");
        assert_eq!(journal.envelopes, facts[..whole], "cut at {cut}");
        writer.append(&facts[whole..]).expect("durable");
        assert_eq!(fs::read(&path).expect("read"), bytes, "cut at {cut}");
    }
}

#[test]
fn any_flipped_bit_is_found_and_never_read_as_a_fact() {
    let facts = story(1);
    let (_folder, _path, bytes) = written(&facts);
    let ends = ends(&bytes);
    let last = bytes.len() - 1;
    for at in 0..bytes.len() {
        for bit in [0_u8, 7] {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            let journal = scan(flipped.as_slice(), None, u64::MAX, LONGEST_LINE).expect("read");
            let before = ends.iter().filter(|end| **end <= at).count();
            assert_eq!(journal.envelopes, facts[..before], "byte {at} bit {bit}");
            let line = journal.damage.as_ref().map(|damage| damage.line);
            let expected = (at < last).then_some(before as u64 + 1);
            // Without its newline the last line looks as if it had never been completed.
            assert_eq!((line, journal.torn), (expected, at == last), "byte {at} bit {bit}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_facts_in_any_batches_are_read_as_they_were_written(
        events in prop::collection::vec(any_event(), 1..20),
        batch in 1..7_usize,
    ) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal");
        let facts = envelopes(1, events);
        let mut writer = JournalWriter::create(&path).expect("created");
        for batch in facts.chunks(batch) {
            writer.append(batch).expect("durable");
        }
        let journal = Journal::read(&path).expect("read");
        prop_assert_eq!(&journal.envelopes, &facts);
        prop_assert_eq!(journal.head_digest(), writer.head());
        prop_assert_eq!(journal.length, fs::metadata(&path).expect("meta").len());
        let (again, _) = JournalWriter::open(&path).expect("opened");
        prop_assert_eq!((again.head(), again.next_seq()), (writer.head(), writer.next_seq()));
    }
}
