//! What a way home needs, read and compared with what was recorded.

use crate::cli::past::{Past, recorded};
use crate::layer::{Needs, recorded_layer};
use crate::model::{GenerationNumber, Item, counted};
use crate::store::StateFolder;
use crate::system::files;
use std::collections::BTreeSet;
use std::path::Path;

/// What its layers need, and what cannot be told of them.
pub(super) fn needs(past: &Past) -> (Needs, Vec<Item>) {
    let (mut all, mut damage) = (Needs::default(), Vec::new());
    for record in recorded(&past.journal) {
        let folder = past.capsule.folder();
        match recorded_layer(folder, record).and_then(|layer| layer.needs(folder, record)) {
            Ok(one) => {
                all.saved.extend(one.saved);
                all.bytes = all.bytes.saturating_add(one.bytes);
                all.largest = all.largest.max(one.largest);
                damage.extend(one.missing);
            }
            Err(why) => damage.push(Item::new(format!("layers/{}", record.manifest), why.to_string())),
        }
    }
    (all, damage)
}

/// Everything in a capsule that is not as it was recorded; nothing where it never began.
pub(super) fn whole(folder: &StateFolder, number: GenerationNumber) -> Option<Vec<Item>> {
    let past = match Past::begun(folder, number) {
        Ok(past) => past?,
        Err(why) => {
            let cause = why.causes.first().map_or_else(String::new, |cause| format!(": {cause}"));
            return Some(vec![Item::new("capsule", format!("{}{cause}", why.text))]);
        }
    };
    let (needs, mut damage) = needs(&past);
    damage.extend(past.capsule.damage(&past.journal));
    let saved: BTreeSet<&str> = needs.saved.iter().map(|digest| digest.0.as_str()).collect();
    for name in saved {
        let path = past.capsule.originals_folder().join(name);
        match files::sha256_file(&path) {
            Ok(now) if now.0 == name => {}
            Ok(now) => damage.push(Item::new(format!("originals/{name}"), format!("has sha256 {now}"))),
            Err(why) => damage.push(Item::new(format!("originals/{name}"), why.to_string())),
        }
    }
    damage.extend(no_room(past.capsule.folder(), needs.largest));
    Some(damage)
}

/// Whether there is no room for the largest file that a way back puts beside the one that it replaces. What is to be
/// written elsewhere is not known here: this is the capsule's own disk.
fn no_room(capsule: &Path, largest: u64) -> Option<Item> {
    let seen = rustix::fs::statvfs(capsule).ok()?;
    let free = seen.f_bavail.saturating_mul(seen.f_frsize);
    let ballast = capsule.join("ballast").symlink_metadata().map_or(0, |seen| seen.len());
    (free.saturating_add(ballast) < largest).then(|| {
        let (free, largest) = (counted(free, "byte"), counted(largest, "byte"));
        Item::new("room", format!("{free} are free, and the largest file of the way back has {largest}"))
    })
}
