mod exhaustive;

use super::*;
use crate::model::{Event, Moment, Observation, Outcome, Value};
use crate::store::sample::{envelopes, report, story};
use std::fs;
use tempfile::TempDir;

/// A limit for lines that needs no megabytes.
const SMALL: usize = 2000;

fn written(batch: &[Envelope]) -> (TempDir, PathBuf, Vec<u8>) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal");
    JournalWriter::create(&path).expect("created").append(batch).expect("durable");
    let bytes = fs::read(&path).expect("read");
    (folder, path, bytes)
}

/// As if the last batch had never been acknowledged: nothing tells of it.
fn forget_head(path: &Path) {
    fs::remove_file(path.with_file_name("journal.head")).expect("removed");
}

/// Where each line ends.
fn ends(bytes: &[u8]) -> Vec<usize> {
    bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1).collect()
}

#[test]
fn a_journal_of_version_1_is_written_like_this_for_ever() {
    let (_folder, _path, bytes) =
        written(&envelopes(1, [Event::SettleEnded, Event::GateAnswered { go: true }]));
    let zeros = "0".repeat(64);
    let first =
        format!(r#"{{"v":1,"seq":1,"at":"2026-11-22T16:31:59.042Z","fact":"settle-ended","prev":"{zeros}""#);
    let one = Hex::of(first.as_bytes());
    let second = format!(
        r#"{{"v":1,"seq":2,"at":"2026-11-22T16:32:00.042Z","fact":"gate-answered","of":{{"go":true}},"prev":"{}""#,
        one.as_str()
    );
    let two = Hex::of(second.as_bytes());
    let expected =
        format!("{first},\"hash\":\"{}\"}}\n{second},\"hash\":\"{}\"}}\n", one.as_str(), two.as_str());
    assert_eq!(String::from_utf8(bytes).expect("text"), expected);
}

#[test]
fn hashes_are_those_of_sha256sum() {
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(Hex::of(b"abc").as_str(), abc);
}

#[test]
fn a_last_line_with_blocks_that_were_never_written_is_torn() {
    let facts = story(1);
    let (_folder, path, mut bytes) = written(&facts);
    let lines = ends(&bytes);
    let before = lines[lines.len() - 2];
    bytes[before..before + 40].fill(0);
    fs::write(&path, &bytes).expect("written");
    forget_head(&path);
    let (writer, journal) = JournalWriter::open(&path).expect("opened");
    assert_eq!((journal.torn, journal.damage), (true, None));
    assert_eq!(writer.next_seq(), facts.len() as u64);
    assert_eq!(fs::metadata(&path).expect("meta").len(), before as u64);
}

#[test]
fn a_whole_line_that_is_bad_is_damage_where_nothing_is_missing_or_more_stands_behind_it() {
    let facts = story(1);
    let (_folder, _path, whole) = written(&facts);
    let lines = ends(&whole);
    let last = lines.len() - 1;
    let (mut other, mut holed) = (whole.clone(), whole);
    other[lines[last - 1] + 20] ^= 1;
    holed[lines[last - 2]..lines[last - 2] + 40].fill(0);
    for (bytes, line) in [(other, last + 1), (holed, last)] {
        let journal = scan(bytes.as_slice(), None, u64::MAX, LONGEST_LINE).expect("read");
        let damaged = journal.damage.map(|damage| damage.line);
        assert_eq!((journal.torn, damaged), (false, Some(line as u64)));
    }
}

#[test]
fn lines_that_are_left_out_doubled_or_swapped_are_damage() {
    let (_folder, _path, bytes) = written(&story(1));
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    let orders: [(&[usize], u64); 4] =
        [(&[0, 2, 3], 2), (&[0, 0, 1], 2), (&[0, 2, 1, 3], 2), (&[1, 2, 3], 1)];
    for (order, line) in orders {
        let mixed: Vec<u8> = order.iter().flat_map(|at| lines[*at].to_vec()).collect();
        let journal = scan(mixed.as_slice(), None, u64::MAX, LONGEST_LINE).expect("read");
        assert_eq!(journal.damage.map(|damage| damage.line), Some(line), "{order:?}");
    }
}

#[test]
fn damage_refuses_the_writer_and_a_rescue_keeps_what_was_found() {
    let facts = story(1);
    let (_folder, path, mut bytes) = written(&facts);
    let third = ends(&bytes)[2];
    bytes[third + 20] ^= 1;
    fs::write(&path, &bytes).expect("written");
    let why = JournalWriter::open(&path).expect_err("damaged");
    assert!(matches!(why, StoreError::Damaged { line: 4, .. }), "{why}");
    assert_eq!(fs::read(&path).expect("read"), bytes, "a refused open changes nothing");

    let (mut writer, journal) = JournalWriter::rescue(&path).expect("rescued");
    assert_eq!(journal.damage.map(|damage| damage.line), Some(4));
    writer.append(&facts[3..5]).expect("durable");
    assert_eq!(Journal::read(&path).expect("read").envelopes, facts[..5]);
    assert_eq!(fs::read(path.with_file_name("journal.damaged-1")).expect("kept"), bytes);
}

#[test]
fn a_journal_that_is_shorter_than_it_was_has_lost_its_end() {
    let facts = story(1);
    let (_folder, path, bytes) = written(&facts);
    let ends = ends(&bytes);
    for cut in 0..bytes.len() {
        fs::write(&path, &bytes[..cut]).expect("written");
        let whole = ends.iter().filter(|end| **end <= cut).count();
        let journal = Journal::read(&path).expect("read");
        assert_eq!(journal.envelopes, facts[..whole], "cut at {cut}");
        let damage = journal.damage.expect("damage");
        assert_eq!((damage.line, journal.torn), (whole as u64 + 1, false), "cut at {cut}");
        let all = format!("the head of the journal tells of {} facts", facts.len());
        assert!(damage.why.ends_with(&all), "{}", damage.why);
        assert!(!Journal::never_began(&path), "cut at {cut}");
        let why = JournalWriter::open(&path).expect_err("damaged");
        assert!(matches!(why, StoreError::Damaged { .. }), "{why}");
        assert_eq!(fs::read(&path).expect("read"), bytes[..cut], "a refused open changes nothing");
    }
}

#[test]
fn a_journal_that_is_longer_than_its_head_tells_is_good() {
    let facts = story(1);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal");
    let head = path.with_file_name("journal.head");
    let mut writer = JournalWriter::create(&path).expect("created");
    let mut heads = vec![fs::read(&head).expect("read")];
    for fact in &facts {
        writer.append(std::slice::from_ref(fact)).expect("durable");
        heads.push(fs::read(&head).expect("read"));
    }
    drop(writer);
    for (behind, bytes) in heads.iter().enumerate() {
        fs::write(&head, bytes).expect("written");
        let (writer, journal) = JournalWriter::open(&path).expect("opened");
        assert_eq!(journal.envelopes, facts, "behind at {behind}");
        drop(writer);
        let now = fs::read(&head).expect("read");
        assert!(behind == facts.len() || now != *bytes, "behind at {behind}: it was not brought up to date");
    }
}

#[test]
fn a_head_that_was_missing_tells_the_last_fact_by_its_hash_as_soon_as_the_journal_is_opened() {
    for facts in [&story(1)[..3], &[]] {
        let (_folder, path, _bytes) = written(facts);
        forget_head(&path);
        let (mut writer, journal) = JournalWriter::open(&path).expect("opened");
        let last = (!facts.is_empty()).then_some(journal.head);
        let seq = facts.len() as u64;
        assert_eq!(Head::read(&path), Some(Head { seq, hash: last }));
        writer.append(&envelopes(seq + 1, [Event::SettleEnded])).expect("durable");
        assert_eq!(Head::read(&path), Some(Head { seq: seq + 1, hash: Some(writer.head) }));
    }
}

#[test]
fn a_journal_that_is_not_the_one_of_its_head_is_used_and_not_gone_forward_on() {
    let facts = story(1);
    let (_folder, path, _bytes) = written(&facts[..3]);
    let (_other, _path, other) = written(&[facts[..2].to_vec(), envelopes(3, [Event::SettleEnded])].concat());
    fs::write(&path, &other).expect("written");
    let journal = Journal::read(&path).expect("read");
    assert_eq!(journal.envelopes.len(), 3);
    assert_eq!(journal.damage.map(|damage| damage.line), Some(4));
}

#[test]
fn a_rescued_journal_stays_damaged_until_its_first_fact() {
    let facts = story(1);
    for lost in [true, false] {
        let (_folder, path, mut bytes) = written(&facts);
        if lost {
            bytes.truncate(ends(&bytes)[1]);
        } else {
            let third = ends(&bytes)[1];
            bytes[third + 20] ^= 1;
            forget_head(&path);
        }
        fs::write(&path, &bytes).expect("written");
        for _ in 0..2 {
            // Whoever is killed before the first fact leaves it as damaged as it was.
            let (_, journal) = JournalWriter::rescue(&path).expect("rescued");
            assert_eq!(journal.damage.map(|damage| damage.line), Some(3), "{lost}");
            assert_eq!(
                Journal::read(&path).expect("read").damage.map(|damage| damage.line),
                Some(3),
                "{lost}"
            );
        }
        let (mut writer, _) = JournalWriter::rescue(&path).expect("rescued");
        writer.append(&facts[2..3]).expect("durable");
        let journal = Journal::read(&path).expect("read");
        assert_eq!((journal.damage, &journal.envelopes[..]), (None, &facts[..3]), "{lost}");
        assert_eq!(Head::read(&path), Some(Head { seq: 3, hash: Some(journal.head) }), "{lost}");
        drop(writer);
        JournalWriter::open(&path).expect("good again");
    }
}

/// A line as a later version may write it: other facts between the same beginning and end.
fn later_line(seq: u64, inner: &str, prev: &Hex) -> (String, Hex) {
    let body =
        format!(r#"{{"v":2,"seq":{seq},"at":"2030-01-01T00:00:00.000Z",{inner},"prev":"{}""#, prev.as_str());
    let hash = Hex::of(body.as_bytes());
    (format!("{body},\"hash\":\"{}\"}}\n", hash.as_str()), hash)
}

#[test]
fn a_newer_journal_is_read_as_far_as_it_is_understood_and_not_written() {
    let facts = story(1);
    let (_folder, path, bytes) = written(&facts[..2]);
    let head = Journal::read(&path).expect("read").head;
    let (third, hash) = later_line(3, r#""fact":"moon-landed","of":{"crew":3}"#, &head);
    let (fourth, _) = later_line(4, r#""fact":"settle-ended""#, &hash);
    fs::write(&path, [bytes.as_slice(), third.as_bytes(), fourth.as_bytes()].concat()).expect("written");
    let journal = Journal::read(&path).expect("read");
    assert_eq!((journal.version, journal.last_seq, &journal.damage), (2, 4, &None));
    assert_eq!(journal.envelopes.iter().map(|fact| fact.seq).collect::<Vec<_>>(), [1, 2, 4]);
    assert_eq!(journal.envelopes[2].event, Event::SettleEnded);
    assert_eq!(journal.skipped.iter().map(|fact| fact.seq).collect::<Vec<_>>(), [3]);
    let why = JournalWriter::open(&path).expect_err("newer");
    assert_eq!(why.to_string(), format!("{} has format 2, and this switchback knows 1", path.display()));

    let (mut writer, _) = JournalWriter::rescue(&path).expect("rescued");
    writer.append(&envelopes(5, [Event::SettleEnded])).expect("durable");
    let journal = Journal::read(&path).expect("read");
    assert_eq!((journal.last_seq, journal.skipped.len(), journal.damage), (5, 1, None));
}

#[test]
fn an_unknown_fact_of_this_version_is_damage() {
    let (_folder, path, bytes) = written(&story(1)[..1]);
    let head = Journal::read(&path).expect("read").head;
    let (line, hash) = later_line(2, r#""fact":"moon-landed""#, &head);
    let line = line.replace("\"v\":2", "\"v\":1");
    let body = line.split(",\"hash\":").next().expect("a body");
    let line = format!("{body},\"hash\":\"{}\"}}\n", Hex::of(body.as_bytes()).as_str());
    let (after, _) = later_line(3, r#""fact":"settle-ended""#, &hash);
    fs::write(&path, [bytes.as_slice(), line.as_bytes(), after.as_bytes()].concat()).expect("written");
    let damage = Journal::read(&path).expect("read").damage.expect("damage");
    assert_eq!(damage.line, 2);
    assert!(damage.why.contains("moon-landed"), "{}", damage.why);
}

#[test]
fn what_a_reader_would_refuse_is_refused_when_written_and_leaves_the_writer_usable() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("journal");
    let mut writer = JournalWriter::create(&path).expect("created");
    let judged = |value: Value| {
        let mut report = report("any", Outcome::Pass);
        report.observed = Some(Observation::new().with("value", value));
        envelopes(1, [Event::CheckJudged { moment: Moment::Baseline, report }])
    };
    let deep = (0..110).fold(Value::Null, |inner, _| Value::Array(vec![inner]));
    let long = Value::String("x".repeat(LONGEST_LINE));
    for (value, words) in
        [(deep, "114 levels deep, the limit is 100"), (long, "bytes, the limit is 16777216")]
    {
        let why = writer.append(&judged(value)).expect_err("refused").to_string();
        assert!(why.ends_with(words), "{why}");
    }
    let why = writer.append(&envelopes(2, [Event::SettleEnded])).expect_err("refused");
    assert_eq!(why.to_string(), "fact 2 does not follow: fact 1 is next");
    let brackets = Value::String("[".repeat(500) + "\\\"");
    writer.append(&judged(brackets)).expect("text is not depth");
    assert_eq!(Journal::read(&path).expect("read").last_seq, 1);
    let behind_a_quote = Value::String("\"\\".to_owned() + &"[".repeat(500));
    failing(Failing { space: usize::MAX, ..Failing::default() })
        .append(&judged(behind_a_quote))
        .expect("text is not depth");
}

#[test]
fn what_is_just_within_the_limits_is_written_and_read() {
    let judged = |seq: u64, value: Value| {
        let mut report = report("any", Outcome::Pass);
        report.observed = Some(Observation::new().with("value", value));
        envelopes(seq, [Event::CheckJudged { moment: Moment::Baseline, report }])
    };
    let deep = |levels: usize| (0..levels).fold(Value::Null, |inner, _| Value::Array(vec![inner]));
    let long = |bytes: usize| Value::String("x".repeat(bytes));
    let mut one = failing(Failing { space: usize::MAX, ..Failing::default() });
    one.append(&judged(1, long(0))).expect("durable");
    let most = SMALL - one.sink.bytes.len();

    let mut writer = failing(Failing { space: usize::MAX, ..Failing::default() });
    writer.longest = SMALL;
    let why = writer.append(&judged(1, deep(97))).expect_err("refused").to_string();
    assert!(why.ends_with("101 levels deep, the limit is 100"), "{why}");
    writer.append(&judged(1, deep(96))).expect("100 levels");
    let why = writer.append(&judged(2, long(most + 1))).expect_err("refused").to_string();
    assert!(why.ends_with("2001 bytes, the limit is 2000"), "{why}");
    // The limit is a line's, not a batch's.
    let batch = [judged(2, long(most)), judged(3, long(most))].concat();
    writer.append(&batch).expect("both are as long as a line may be");
    let journal = scan(writer.sink.bytes.as_slice(), None, u64::MAX, SMALL).expect("read");
    assert_eq!((journal.last_seq, journal.damage), (3, None));
    let journal = scan(writer.sink.bytes.as_slice(), None, u64::MAX, SMALL - 1).expect("read");
    let damage = Damage { line: 2, why: "it is longer than 1999 bytes".to_owned() };
    assert_eq!((journal.last_seq, journal.damage), (1, Some(damage)));
}

#[test]
fn a_line_longer_than_the_limit_is_damage_and_not_memory() {
    let mut endless = Counted { bytes: 0 };
    let journal = scan(&mut endless, None, u64::MAX, SMALL).expect("read");
    assert_eq!(journal.damage.expect("damage").why, "it is longer than 2000 bytes");
    assert!(endless.bytes <= 128 * 1024, "{} bytes were read", endless.bytes);
}

/// A line that begins and does not end.
struct Counted {
    bytes: usize,
}

impl io::Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        into.fill(b'x');
        self.bytes += into.len();
        // Where nothing stops the reader, the test must end all the same.
        Ok(if self.bytes > 1024 * 1024 { 0 } else { into.len() })
    }
}

/// A file of which every read is broken off once and then gives a few bytes; `ends_in` is what it says at its end.
struct Hesitant<'a> {
    bytes: &'a [u8],
    interrupted: bool,
    ends_in: Option<io::Error>,
}

impl io::Read for Hesitant<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.interrupted = !self.interrupted;
        if self.interrupted {
            return Err(io::ErrorKind::Interrupted.into());
        }
        match self.ends_in.take() {
            Some(why) if self.bytes.is_empty() => Err(why),
            ends_in => {
                self.ends_in = ends_in;
                let most = into.len().min(7);
                self.bytes.read(&mut into[..most])
            }
        }
    }
}

#[test]
fn a_read_that_is_broken_off_goes_on_and_one_that_fails_is_an_error() {
    let facts = story(1);
    let (_folder, _path, bytes) = written(&facts);
    let source = |ends_in| Hesitant { bytes: &bytes, interrupted: false, ends_in };
    let journal = scan(source(None), None, u64::MAX, LONGEST_LINE).expect("read");
    assert_eq!((journal.envelopes, journal.torn, journal.damage), (facts, false, None));
    let why = scan(source(Some(io::Error::from_raw_os_error(libc::EIO))), None, u64::MAX, LONGEST_LINE)
        .expect_err("unreadable");
    assert_eq!(why.raw_os_error(), Some(libc::EIO));
}

/// A file that has so much space, and whose syncs may fail; it keeps what was asked of it.
#[derive(Default)]
struct Failing {
    bytes: Vec<u8>,
    space: usize,
    most_at_once: usize,
    interrupts: bool,
    bad_syncs: u32,
    cannot_cut: bool,
    syncs: u32,
}

impl Write for Failing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.interrupts = !self.interrupts;
        if self.interrupts && self.most_at_once > 0 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let room = self.space.saturating_sub(self.bytes.len());
        if room == 0 {
            return Err(io::Error::from_raw_os_error(libc::ENOSPC));
        }
        let most = if self.most_at_once > 0 { self.most_at_once } else { usize::MAX };
        let taken = bytes.len().min(room).min(most);
        self.bytes.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for Failing {
    fn sync(&mut self) -> io::Result<()> {
        self.syncs += 1;
        if self.bad_syncs > 0 {
            self.bad_syncs -= 1;
            return Err(io::Error::from_raw_os_error(libc::EIO));
        }
        Ok(())
    }
    fn cut(&mut self, length: u64) -> io::Result<()> {
        if self.cannot_cut {
            return Err(io::Error::from_raw_os_error(libc::EIO));
        }
        self.bytes.truncate(usize::try_from(length).expect("small"));
        Ok(())
    }
}

fn failing(sink: Failing) -> JournalWriter<Failing> {
    JournalWriter::at(Path::new("journal"), sink, Hex::GENESIS, 0, 0)
}

#[test]
fn a_batch_is_one_sync_whatever_its_length_and_however_short_the_writes() {
    let mut writer = failing(Failing { space: usize::MAX, most_at_once: 7, ..Failing::default() });
    writer.append(&story(1)).expect("durable");
    writer.append(&[]).expect("nothing to do");
    assert_eq!(writer.sink.syncs, 1);
    assert_eq!(
        scan(writer.sink.bytes.as_slice(), None, u64::MAX, LONGEST_LINE).expect("read").envelopes,
        story(1)
    );
}

#[test]
fn after_a_failed_sync_nothing_is_written_or_synced_any_more() {
    let mut writer = failing(Failing { space: usize::MAX, bad_syncs: 1, ..Failing::default() });
    let why = writer.append(&story(1)).expect_err("not durable");
    assert!(matches!(why, StoreError::Io { what: "sync", .. }), "{why}");
    let (bytes, next) = (writer.sink.bytes.len(), writer.next_seq());
    for _ in 0..2 {
        let why = writer.append(&story(1)).expect_err("poisoned");
        assert!(matches!(why, StoreError::Poisoned { .. }), "{why}");
    }
    assert_eq!((writer.sink.syncs, writer.sink.bytes.len(), next), (1, bytes, 1));
}

#[test]
fn on_a_full_disk_the_batch_is_taken_out_and_can_be_tried_again() {
    let facts = story(1);
    let (_folder, _path, whole) = written(&facts);
    for space in [whole.len() / 3, whole.len() / 2, whole.len() - 1] {
        let mut writer = failing(Failing { space, ..Failing::default() });
        writer.append(&facts[..1]).expect("there is space");
        let before = writer.sink.bytes.clone();
        let why = writer.append(&facts[1..]).expect_err("full");
        assert!(matches!(why, StoreError::Full { .. }), "{why}");
        assert_eq!(writer.sink.bytes, before);
        writer.sink.space = usize::MAX;
        writer.append(&facts[1..]).expect("durable");
        assert_eq!(writer.sink.bytes, whole);
    }
}

#[test]
fn a_torn_batch_that_cannot_be_taken_out_ends_the_writer() {
    let mut writer = failing(Failing { space: 100, cannot_cut: true, ..Failing::default() });
    let why = writer.append(&story(1)).expect_err("full");
    assert!(matches!(why, StoreError::Io { .. }), "{why}");
    let why = writer.append(&story(1)).expect_err("poisoned");
    assert!(matches!(why, StoreError::Poisoned { .. }), "{why}");
}

#[test]
fn a_file_is_cut_where_it_is_said_and_a_sync_that_cannot_be_is_no_sync() {
    let (_folder, path, bytes) = written(&story(1));
    let mut file = OpenOptions::new().append(true).open(&path).expect("opened");
    Sink::cut(&mut file, 5).expect("cut");
    assert_eq!(fs::read(&path).expect("read"), bytes[..5]);

    // Takes every byte and keeps none: its sync is refused.
    let nowhere = Path::new("/dev/null");
    let file = OpenOptions::new().append(true).open(nowhere).expect("opened");
    let mut writer = JournalWriter::at(nowhere, file, Hex::GENESIS, 0, 0);
    let why = writer.append(&story(1)).expect_err("not durable");
    assert!(matches!(why, StoreError::Io { what: "sync", .. }), "{why}");
}

#[test]
fn a_link_in_the_place_of_a_journal_is_not_written() {
    let (_folder, path, bytes) = written(&story(1));
    let link = path.with_file_name("link");
    std::os::unix::fs::symlink(&path, &link).expect("linked");
    let why = JournalWriter::open(&link).expect_err("refused");
    assert!(
        matches!(&why, StoreError::Io { what: "open", source, .. } if source.raw_os_error() == Some(libc::ELOOP)),
        "{why}"
    );
    assert_eq!(JournalWriter::open(&path).expect("opened").0.path(), path);
    assert_eq!(fs::read(&path).expect("read"), bytes);
}

#[test]
fn a_new_journal_does_not_replace_one() {
    let (_folder, path, bytes) = written(&story(1));
    assert!(JournalWriter::create(&path).is_err());
    assert_eq!(fs::read(&path).expect("read"), bytes);
}

#[test]
fn a_journal_has_begun_with_its_first_whole_line() {
    let (_folder, path, bytes) = written(&story(1));
    let first = ends(&bytes)[0];
    for (bytes, begun) in [(&bytes[..0], false), (&bytes[..first - 1], false), (&bytes[..first], true)] {
        fs::write(&path, bytes).expect("written");
        assert_eq!(Journal::has_begun(&path), begun, "{} bytes", bytes.len());
    }
    assert!(!Journal::has_begun(&path.with_file_name("missing")));
}

#[test]
fn the_first_fact_is_read_alone_and_nothing_behind_it() {
    let facts = story(1);
    let (_folder, path, mut bytes) = written(&facts);
    let first = ends(&bytes)[0];
    bytes[first + 20] ^= 1;
    fs::write(&path, &bytes).expect("written");
    assert_eq!(Journal::read_first(&path).expect("read").as_ref(), facts.first());
    let journal = scan(bytes.as_slice(), None, 1, LONGEST_LINE).expect("read");
    assert_eq!((journal.last_seq, journal.length, journal.damage), (1, first as u64, None));
    fs::write(&path, &bytes[..first - 1]).expect("written");
    assert_eq!(Journal::read_first(&path).expect("read"), None);
}

#[test]
fn a_journal_never_began_where_it_is_there_without_a_line_that_was_acknowledged() {
    let (_folder, path, bytes) = written(&story(1));
    let first = ends(&bytes)[0];
    let mut damaged = bytes.clone();
    damaged[20] ^= 1;
    forget_head(&path);
    for (bytes, never) in
        [(&bytes[..0], true), (&bytes[..first - 1], true), (&bytes[..first], false), (&damaged, false)]
    {
        fs::write(&path, bytes).expect("written");
        assert_eq!(Journal::never_began(&path), never, "{} bytes", bytes.len());
    }
    assert!(!Journal::never_began(&path.with_file_name("missing")));
}
