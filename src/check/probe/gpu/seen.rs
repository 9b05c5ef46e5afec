//! From what was read to the fields of the observation. Pure.

use super::fdinfo::{Busy, Client, User, Users};
use super::nvidia::{Answers, OnNvidia};
use super::sysfs::Card;
use crate::check::probe::memory::ratio;
use crate::model::{Observation, Value};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Most clients that are listed; those with the most memory first.
const LISTED: usize = 200;

/// All that was read.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) cards: Vec<Card>,
    pub(super) nvidia: Answers,
    pub(super) before: Users,
    pub(super) after: Users,
    /// How long went by between the two.
    pub(super) elapsed: Duration,
    /// The processes that are asked for, where some are.
    pub(super) wanted: Option<BTreeSet<u32>>,
}

/// One process on any GPU.
#[derive(Debug, Clone, Default)]
struct Seen {
    name: String,
    drivers: BTreeSet<String>,
    engines: BTreeSet<&'static str>,
    percent: BTreeMap<&'static str, f64>,
    memory: Option<u64>,
}

impl Reading {
    pub(super) fn observation(mut self) -> Observation {
        let loads = self.loads();
        let by_clients = self.join_cards(&loads);
        let seen = self.processes();
        let mut failures = self.nvidia.failures.clone();
        // A management controller that only shows a console may well have none.
        let makes_gpus = |card: &Card| matches!(card.vendor.as_deref(), Some("nvidia" | "amd" | "intel"));
        if self.cards.iter().any(|card| card.driver.is_none() && makes_gpus(card)) {
            failures.insert("no_driver".to_owned());
        }
        let drivers: BTreeSet<&String> = self.cards.iter().filter_map(|card| card.driver.as_ref()).collect();
        let mut out = Observation::new()
            .with("count", self.cards.len())
            .with("drivers", json!(drivers))
            .with("unknown", json!(self.nvidia.unknown))
            .with("cards", self.cards.iter().map(card).collect::<Vec<_>>())
            .with("client_count", seen.len())
            .with("clients", listed(&seen));
        // A machine without a GPU has no driver that could answer.
        let any = !(self.cards.is_empty() && failures.is_empty());
        let (used, total) = (self.sum(|card| card.memory_used), self.sum(|card| card.memory_total));
        // The fullest: that one is empty helps nobody on the other.
        let full = |card: &Card| {
            let total = card.memory_total.filter(|total| *total > 0)?;
            Some(ratio(card.memory_used?, total))
        };
        let version = self.cards.iter().find_map(|card| card.driver_version.clone());
        let fields = [
            ("failures", any.then(|| json!(failures))),
            ("driver_version", version.map(Value::from)),
            ("memory_used", used.map(Value::from)),
            ("memory_total", total.map(Value::from)),
            ("memory_used_ratio", self.most(full)),
            ("utilisation_percent", self.most(|card| card.utilisation_percent)),
            ("encode_percent", self.most(|card| card.encode_percent)),
            ("decode_percent", self.most(|card| card.decode_percent)),
        ];
        for (field, value) in fields {
            if let Some(value) = value {
                out.0.insert(field.to_owned(), value);
            }
        }
        let mut silent = Vec::new();
        for (field, of) in TOLD {
            let told = self.cards.iter().any(|card| of(card).is_some());
            let silent_of = self.cards.iter().filter(|card| told && tells(card, field) && of(card).is_none());
            silent.extend(silent_of.map(|card| (field, format!("{} tells nothing of it", card.address))));
        }
        for (field, why) in silent {
            let fields: &[&str] =
                if field == "memory_used" { &["memory_used", "memory_used_ratio"] } else { &[field] };
            out = out.unseen(fields, &[why]);
        }
        if self.after.hides_programs {
            out = out.unseen(&by_clients, &["the files of some processes may not be seen".to_owned()]);
        }
        match &self.wanted {
            Some(wanted) => self.process(out, wanted, &seen),
            None => out,
        }
    }

    /// The sum over the cards that tell; nothing where none does.
    fn sum(&self, of: impl Fn(&Card) -> Option<u64>) -> Option<u64> {
        self.cards
            .iter()
            .filter_map(of)
            .fold(None, |sum: Option<u64>, one| Some(sum.unwrap_or(0).saturating_add(one)))
    }

    /// The busiest card that tells.
    fn most(&self, of: impl Fn(&Card) -> Option<f64>) -> Option<Value> {
        self.cards.iter().filter_map(of).max_by(f64::total_cmp).map(Value::from)
    }

    /// The load of each engine of each card by its clients, 0 to 100.
    fn loads(&self) -> BTreeMap<String, BTreeMap<&'static str, f64>> {
        let mut loads: BTreeMap<String, BTreeMap<&'static str, f64>> = BTreeMap::new();
        let before = by_identity(&self.before);
        for (identity, client) in by_identity(&self.after) {
            let Some(address) = &client.address else { continue };
            let card = loads.entry(address.clone()).or_default();
            for (engine, load) in client_loads(before.get(&identity).copied(), client, self.elapsed) {
                let sum = card.entry(engine).or_insert(0.0);
                *sum = (*sum + load).min(100.0);
            }
        }
        loads
    }

    /// The cards of `nvidia-smi` and the loads of clients into the cards of the kernel. Says which fields are known from
    /// clients, of any card.
    fn join_cards(&mut self, loads: &BTreeMap<String, BTreeMap<&'static str, f64>>) -> Vec<&'static str> {
        for told in std::mem::take(&mut self.nvidia.cards) {
            match self.cards.iter_mut().find(|card| card.address == told.address) {
                Some(card) => {
                    let version = told.driver_version.clone().or_else(|| card.driver_version.clone());
                    *card = Card { driver_version: version, ..told };
                }
                None => self.cards.push(told),
            }
        }
        let mut by_clients = Vec::new();
        for card in &mut self.cards {
            let Some(loads) = loads.get(&card.address) else { continue };
            let mut load = |field: &'static str, known: &mut Option<f64>, engines: &[&str]| {
                if known.is_none() {
                    let told = engines.iter().filter_map(|engine| loads.get(engine).copied());
                    *known = told.max_by(f64::total_cmp);
                    by_clients.extend(known.is_some().then_some(field));
                }
            };
            load("utilisation_percent", &mut card.utilisation_percent, &["graphics", "compute"]);
            load("encode_percent", &mut card.encode_percent, &["encode", "video"]);
            load("decode_percent", &mut card.decode_percent, &["decode", "video"]);
        }
        by_clients
    }

    fn processes(&self) -> BTreeMap<u32, Seen> {
        let mut seen: BTreeMap<u32, Seen> = BTreeMap::new();
        let before = by_identity(&self.before);
        for user in &self.after.users {
            let User { pid, name, clients, nvidia, .. } = user;
            let told = self.nvidia.processes.as_ref();
            // Tools open NVIDIA devices to ask questions: where the driver tells who its clients are, it is believed.
            if clients.is_empty() && (!nvidia || told.is_some_and(|told| !told.contains_key(pid))) {
                continue;
            }
            let one = seen.entry(*pid).or_default();
            one.name.clone_from(name);
            if *nvidia {
                one.drivers.insert("nvidia".to_owned());
            }
            for client in clients {
                one.drivers.insert(client.driver.clone());
                let was = before.get(&identity(client)).copied();
                for (engine, load) in client_loads(was, client, self.elapsed) {
                    *one.percent.entry(engine).or_insert(0.0) += load;
                }
                let used = client.engines.iter().filter(|(_, busy)| busy.spent > 0);
                one.engines.extend(used.map(|(engine, _)| engine_of(engine)));
                one.memory = client
                    .memory
                    .map_or(one.memory, |more| Some(one.memory.unwrap_or(0).saturating_add(more)));
            }
        }
        for (pid, OnNvidia { name, engines, percent, memory }) in self.nvidia.processes.iter().flatten() {
            let one = seen.entry(*pid).or_default();
            if one.name.is_empty() {
                one.name.clone_from(name);
            }
            one.drivers.insert("nvidia".to_owned());
            one.engines.extend(engines);
            for (engine, load) in percent {
                *one.percent.entry(engine).or_insert(0.0) += load;
            }
            one.memory = memory.map_or(one.memory, |more| Some(one.memory.unwrap_or(0).saturating_add(more)));
        }
        seen
    }

    /// Whether NVIDIA's tool names any process that we know. It numbers them as the machine does: in a container, and
    /// beneath Windows, it names none of ours.
    fn names_ours(&self) -> bool {
        let told = self.nvidia.processes.as_ref();
        told.is_some_and(|told| self.after.users.iter().any(|user| told.contains_key(&user.pid)))
    }

    /// Whether the processes that are asked for use a GPU, and how. An open device is no use: who draws with the processor
    /// opens one to look for a GPU, and to hand over what was drawn.
    fn process(
        &self,
        mut out: Observation,
        wanted: &BTreeSet<u32>,
        seen: &BTreeMap<u32, Seen>,
    ) -> Observation {
        out = out.with("process_running", !wanted.is_empty()).with("process_pids", json!(wanted));
        let found: Vec<&Seen> = wanted.iter().filter_map(|pid| seen.get(pid)).collect();
        let engines: BTreeSet<&str> = found.iter().flat_map(|one| one.engines.iter().copied()).collect();
        // Moving memory about is neither drawing nor computing.
        let uses = engines.iter().any(|engine| *engine != "copy");
        let by_tool = self.names_ours();
        // Where the tool tells of all processes on all GPUs, files that we may not see hide nothing.
        let tells_all = by_tool && self.cards.iter().all(|card| card.driver.as_deref() == Some("nvidia"));
        let hides = !tells_all && wanted.iter().any(|pid| self.after.hidden.contains(pid));
        let mut open = self.after.users.iter().filter(|user| wanted.contains(&user.pid));
        let mut why = Vec::new();
        if hides {
            why.push("the files of some of its processes may not be seen".to_owned());
        }
        if open.any(|user| user.is_silent(by_tool)) {
            why.push("a driver does not tell what it does for it".to_owned());
        }
        // Where there is no GPU at all, nothing is said of an application on one.
        if uses || (why.is_empty() && !wanted.is_empty() && !self.cards.is_empty()) {
            out = out.with("on_gpu", uses);
        }
        if !found.is_empty() {
            let worked: BTreeSet<&str> = found.iter().flat_map(|one| one.working()).collect();
            out = out.with("process_engines", json!(engines)).with("process_working", json!(worked));
            let memory = found.iter().filter_map(|one| one.memory).reduce(u64::saturating_add);
            if let Some(memory) = memory {
                out = out.with("process_memory", memory);
            }
            out = out.unseen(&["process_engines", "process_working"], &why);
        }
        out
    }
}

impl Seen {
    /// The engines that worked for it while it was looked at.
    fn working(&self) -> impl Iterator<Item = &'static str> {
        self.percent.iter().filter(|(_, load)| **load > 0.0).map(|(engine, _)| *engine)
    }
}

/// A field that sums up what cards tell of themselves, and what one tells for it.
type Told = (&'static str, fn(&Card) -> Option<f64>);

/// What a card tells of itself, by the field that sums it up.
const TOLD: [Told; 5] = [
    ("memory_used", |card| size(card.memory_used)),
    ("memory_total", |card| size(card.memory_total)),
    ("utilisation_percent", |card| card.utilisation_percent),
    ("encode_percent", |card| card.encode_percent),
    ("decode_percent", |card| card.decode_percent),
];

#[expect(clippy::cast_precision_loss, reason = "only whether it is there counts")]
fn size(size: Option<u64>) -> Option<f64> {
    size.map(|size| size as f64)
}

/// Whether a card of this kind tells such a thing where all is well. Those that share the machine's memory have none of
/// their own, and what their engines do is known from their clients only.
fn tells(card: &Card, field: &str) -> bool {
    match card.driver.as_deref() {
        Some("nvidia") => true,
        Some("amdgpu") => field.starts_with("memory"),
        Some(_) | None => false,
    }
}

pub(super) type Identity<'a> = (&'a str, Option<&'a str>, u64);

pub(super) fn identity(client: &Client) -> Identity<'_> {
    (&client.driver, client.address.as_deref(), client.id)
}

/// Each client once, whoever has it open: a descriptor may be handed to another process.
pub(super) fn by_identity(users: &Users) -> BTreeMap<Identity<'_>, &Client> {
    users.users.iter().flat_map(|user| &user.clients).map(|client| (identity(client), client)).collect()
}

/// The load that a client made meanwhile, by engine.
fn client_loads(before: Option<&Client>, after: &Client, elapsed: Duration) -> BTreeMap<&'static str, f64> {
    let mut loads = BTreeMap::new();
    let Some(before) = before else { return loads };
    for (engine, now) in &after.engines {
        // One that was not listed had done nothing yet.
        let was = before.engines.get(engine).copied().unwrap_or(Busy { spent: 0, ..*now });
        if let Some(load) = load(was, *now, elapsed) {
            *loads.entry(engine_of(engine)).or_insert(0.0) += load;
        }
    }
    loads
}

#[expect(clippy::cast_precision_loss, reason = "a load needs no more than 52 bits")]
fn load(was: Busy, now: Busy, elapsed: Duration) -> Option<f64> {
    let spent = now.spent.saturating_sub(was.spent) as f64;
    let of = match (was.of, now.of) {
        (Some(was), Some(now)) => now.saturating_sub(was) as f64,
        (Some(_), None) | (None, Some(_)) => return None,
        (None, None) => elapsed.as_nanos() as f64,
    };
    (of > 0.0).then(|| (100.0 * spent / of / now.capacity as f64).min(100.0))
}

/// The engines of all drivers under common names.
pub(super) fn engine_of(name: &str) -> &'static str {
    let is = |begins: &[&str]| begins.iter().any(|begin| name.starts_with(begin));
    if is(&["gfx", "render", "rcs", "3d", "fragment", "vertex", "gpu", "bin", "v3d"]) {
        "graphics"
    } else if is(&["compute", "ccs", "csd"]) {
        "compute"
    } else if is(&["dec", "uvd", "jpeg"]) {
        "decode"
    } else if is(&["enc", "vce"]) {
        "encode"
    } else if is(&["video-enhance", "vecs", "vpe"]) {
        "video_enhance"
    } else if is(&["video", "vcs"]) {
        // Intel decodes and encodes with the same engine.
        "video"
    } else if is(&["dma", "copy", "bcs", "sdma", "tfu"]) {
        "copy"
    } else {
        "other"
    }
}

fn card(card: &Card) -> Value {
    json!({
        "address": card.address, "vendor": card.vendor, "driver": card.driver,
        "driver_version": card.driver_version, "name": card.name,
        "memory_used": card.memory_used, "memory_total": card.memory_total,
        "utilisation_percent": card.utilisation_percent,
        "encode_percent": card.encode_percent, "decode_percent": card.decode_percent,
    })
}

fn listed(seen: &BTreeMap<u32, Seen>) -> Vec<Value> {
    let mut order: Vec<(&u32, &Seen)> = seen.iter().collect();
    order.sort_by_key(|(pid, one)| (std::cmp::Reverse(one.memory), **pid));
    order
        .into_iter()
        .take(LISTED)
        .map(|(pid, one)| {
            json!({
                "pid": pid, "name": one.name, "drivers": one.drivers, "engines": one.engines,
                "percent": one.percent, "memory": one.memory,
            })
        })
        .collect()
}
