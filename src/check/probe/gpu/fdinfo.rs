//! Who uses a GPU, and how: what DRM drivers tell of each open device file (`Documentation/gpu/drm-usage-stats`).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// How long an engine was busy for one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Busy {
    /// In nanoseconds, or in cycles where `of` is told.
    pub(super) spent: u64,
    /// The cycles that went by meanwhile.
    pub(super) of: Option<u64>,
    /// How many such engines there are; at least 1.
    pub(super) capacity: u64,
}

/// One client of one driver: an opened device, whichever descriptors lead to it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Client {
    pub(super) driver: String,
    /// Its place on the PCI bus, where it has one.
    pub(super) address: Option<String>,
    /// Unique for the driver and the device.
    pub(super) id: u64,
    pub(super) engines: BTreeMap<String, Busy>,
    /// In bytes, over all regions of memory.
    pub(super) memory: Option<u64>,
}

impl Client {
    /// Whether its driver tells what its engines did, so that one that is not listed did nothing. That of AMD lists those
    /// only that ever worked; that of older Mali GPUs lists 0 for each as long as nobody asked it to count.
    pub(super) fn tells_engines(&self) -> bool {
        match self.driver.as_str() {
            "amdgpu" => true,
            "panfrost" => self.engines.values().any(|busy| busy.spent > 0),
            _ => !self.engines.is_empty(),
        }
    }
}

/// One process with GPU devices open.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct User {
    pub(super) pid: u32,
    pub(super) name: String,
    pub(super) clients: Vec<Client>,
    /// It holds an NVIDIA device open, whose driver tells nothing here.
    pub(super) nvidia: bool,
    /// The drivers of DRM devices that it holds open and of which they, or an older kernel, tell nothing at all.
    pub(super) untold: BTreeSet<String>,
}

impl User {
    /// Whether nobody tells what it does with a device that it holds open. `by_tool`: NVIDIA's tool tells it of NVIDIA's.
    pub(super) fn is_silent(&self, by_tool: bool) -> bool {
        let clients = self.clients.iter().filter(|client| !client.tells_engines());
        let mut drivers = clients.map(|client| &client.driver).chain(&self.untold);
        (self.nvidia && !by_tool) || drivers.any(|driver| !(by_tool && driver.starts_with("nvidia")))
    }
}

/// All processes that could be read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Users {
    pub(super) users: Vec<User>,
    /// Processes of others, whose files we may not see.
    pub(super) hidden: BTreeSet<u32>,
    /// Whether one of these is a program, and no thread of the kernel's.
    pub(super) hides_programs: bool,
}

/// Everyone who has a GPU open now.
pub(super) fn users(root: &Path) -> Users {
    let mut all = Users::default();
    let entries = fs::read_dir(root.join("proc")).into_iter().flatten().flatten();
    let mut pids: Vec<u32> = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    pids.sort_unstable();
    let mut shared = BTreeMap::new();
    for pid in pids {
        let folder = root.join("proc").join(pid.to_string());
        match user(root, &folder, pid) {
            Ok(Some(mut user)) => {
                for client in &mut user.clients {
                    one_for_both(client, |address| {
                        *shared
                            .entry(address.to_owned())
                            .or_insert_with(|| decodes_and_encodes(root, address))
                    });
                }
                all.users.push(user);
            }
            Ok(None) => {}
            // A process that ended meanwhile hides nothing.
            Err(why) if why.kind() == std::io::ErrorKind::PermissionDenied => {
                all.hidden.insert(pid);
                all.hides_programs |= fs::read(folder.join("cmdline")).is_ok_and(|words| !words.is_empty());
            }
            Err(_) => {}
        }
    }
    all
}

/// Newer GPUs of AMD have one engine for decoding and encoding, and their driver calls it by the latter.
fn one_for_both(client: &mut Client, mut is_shared: impl FnMut(&str) -> bool) {
    let Some(address) = client.address.as_deref().filter(|_| client.driver == "amdgpu") else { return };
    if client.engines.contains_key("enc")
        && is_shared(address)
        && let Some(busy) = client.engines.remove("enc")
    {
        client.engines.insert("video".to_owned(), busy);
    }
}

/// Whether the video engine of this GPU is of the fourth generation or a later one, as its own table of parts says.
fn decodes_and_encodes(root: &Path, address: &str) -> bool {
    let dies = root.join("sys/bus/pci/devices").join(address).join("ip_discovery/die");
    let dies = fs::read_dir(dies).into_iter().flatten().flatten();
    let majors = dies.filter_map(|die| fs::read_to_string(die.path().join("VCN/0/major")).ok());
    majors.filter_map(|major| major.trim().parse::<u32>().ok()).any(|major| major >= 4)
}

fn user(root: &Path, folder: &Path, pid: u32) -> std::io::Result<Option<User>> {
    let mut user = User { pid, ..User::default() };
    let mut seen = BTreeSet::new();
    for entry in fs::read_dir(folder.join("fd"))?.flatten() {
        let Ok(target) = fs::read_link(entry.path()) else { continue };
        let Some(target) = target.to_str() else { continue };
        user.nvidia |= target
            .strip_prefix("/dev/nvidia")
            .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
        if !target.starts_with("/dev/dri/") {
            continue;
        }
        let told = fs::read_to_string(folder.join("fdinfo").join(entry.file_name())).ok();
        match told.and_then(|text| parse(&text)) {
            Some(client) => {
                if seen.insert((client.driver.clone(), client.address.clone(), client.id)) {
                    user.clients.push(client);
                }
            }
            None => {
                user.untold.insert(driver_of(root, target));
            }
        }
    }
    if user.clients.is_empty() && !user.nvidia && user.untold.is_empty() {
        return Ok(None);
    }
    user.clients.sort_by_key(|client| client.id);
    let name = fs::read(folder.join("comm")).unwrap_or_default();
    String::from_utf8_lossy(&name).trim_end().clone_into(&mut user.name);
    Ok(Some(user))
}

/// The driver of `/dev/dri/renderD128`; empty where that is not known.
fn driver_of(root: &Path, device: &str) -> String {
    let name = device.rsplit('/').next().unwrap_or_default();
    let driver = fs::read_link(root.join("sys/class/drm").join(name).join("device/driver"));
    let name =
        driver.ok().and_then(|driver| driver.file_name().map(|name| name.to_string_lossy().into_owned()));
    name.unwrap_or_default()
}

/// What a driver tells of one client; nothing where it tells none of it.
pub(super) fn parse(text: &str) -> Option<Client> {
    let mut client = Client::default();
    let mut id = None;
    // A region may be told in three ways; the least flattering one that is there counts first: what is resident, what
    // older kernels call memory, what is only allocated.
    let mut regions: BTreeMap<String, [Option<u64>; 3]> = BTreeMap::new();
    for line in text.lines() {
        let Some((key, value)) = line.split_once(':') else { continue };
        let Some(key) = key.trim().strip_prefix("drm-") else { continue };
        let value = value.trim();
        let mut region = |name: &str, place: usize| {
            if let Some(size) = regions.entry(name.to_owned()).or_default().get_mut(place) {
                *size = bytes(value);
            }
        };
        if let Some(engine) = key.strip_prefix("engine-capacity-") {
            client.engines.entry(engine.to_owned()).or_default().capacity = count(value).unwrap_or(1);
        } else if let Some(engine) = key.strip_prefix("engine-").or_else(|| key.strip_prefix("cycles-")) {
            // A driver that tells both is believed in cycles: they come with their own measure of time.
            let busy = client.engines.entry(engine.to_owned()).or_default();
            if key.starts_with("cycles-") || busy.of.is_none() {
                busy.spent = count(value).unwrap_or(0);
            }
        } else if let Some(engine) = key.strip_prefix("total-cycles-") {
            client.engines.entry(engine.to_owned()).or_default().of = count(value);
        } else if let Some(name) = key.strip_prefix("resident-") {
            region(name, 0);
        } else if let Some(name) = key.strip_prefix("memory-") {
            region(name, 1);
        } else if let Some(name) = key.strip_prefix("total-") {
            region(name, 2);
        } else if key == "driver" {
            value.clone_into(&mut client.driver);
        } else if key == "pdev" {
            client.address = Some(value.to_owned());
        } else if key == "client-id" {
            id = count(value);
        }
    }
    client.id = id?;
    for busy in client.engines.values_mut() {
        busy.capacity = busy.capacity.max(1);
    }
    let sizes = regions.values().filter_map(|ways| ways.iter().copied().flatten().next());
    client.memory = sizes.fold(None, |sum: Option<u64>, size| Some(sum.unwrap_or(0).saturating_add(size)));
    (!client.driver.is_empty()).then_some(client)
}

/// `1234 ns`, `1234`.
fn count(value: &str) -> Option<u64> {
    value.split_whitespace().next()?.parse().ok()
}

/// `1234`, `12 KiB`, `3 MiB`.
fn bytes(value: &str) -> Option<u64> {
    let scale = match value.split_whitespace().nth(1) {
        None | Some("B") => 1,
        Some("KiB") => 1 << 10,
        Some("MiB") => 1 << 20,
        Some("GiB") => 1 << 30,
        Some(_) => return None,
    };
    count(value)?.checked_mul(scale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::os::unix::fs::symlink;

    const AMD: &str = "pos:\t0\nflags:\t02\ndrm-driver:\tamdgpu\ndrm-client-id:\t7\ndrm-pdev:\t0000:03:00.0\n\
                       drm-memory-vram:\t2048 KiB\ndrm-total-vram:\t4096 KiB\ndrm-memory-gtt: 1 MiB\n\
                       drm-engine-gfx:\t500 ns\ndrm-engine-dec:\t0 ns\ndrm-engine-capacity-dec:\t2\n";

    #[test]
    fn a_client_tells_its_engines_and_memory() {
        let client = parse(AMD).expect("a client");
        let busy = |spent, capacity| Busy { spent, of: None, capacity };
        let expected = Client {
            driver: "amdgpu".into(),
            address: Some("0000:03:00.0".into()),
            id: 7,
            engines: [("gfx".into(), busy(500, 1)), ("dec".into(), busy(0, 2))].into(),
            memory: Some(3 << 20),
        };
        assert_eq!(client, expected);
    }

    #[test]
    fn cycles_come_with_their_own_measure_of_time() {
        let text = "drm-driver: xe\ndrm-client-id: 1\ndrm-cycles-rcs: 5\ndrm-total-cycles-rcs: 50\ndrm-resident-vram0: 4096\n";
        let client = parse(text).expect("a client");
        assert_eq!(client.engines.get("rcs"), Some(&Busy { spent: 5, of: Some(50), capacity: 1 }));
        assert_eq!(client.memory, Some(4096));
    }

    #[test]
    fn a_file_that_is_no_client_is_none() {
        for text in
            ["", "pos: 0\n", "drm-driver: i915\n", "drm-client-id: 3\n", "drm-driver:\ndrm-client-id: 3\n"]
        {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn descriptors_that_lead_to_one_client_are_counted_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let process = folder.path().join("proc/42");
        for part in ["fd", "fdinfo"] {
            fs::create_dir_all(process.join(part)).expect("a folder");
        }
        fs::write(process.join("comm"), "kwin_wayland\n").expect("a name");
        for fd in ["3", "4"] {
            symlink("/dev/dri/renderD128", process.join("fd").join(fd)).expect("a link");
            fs::write(process.join("fdinfo").join(fd), AMD).expect("a file");
        }
        symlink("/etc/passwd", process.join("fd/5")).expect("a link");
        let seen = users(folder.path());
        let [user] = seen.users.as_slice() else { panic!("{seen:?}") };
        assert_eq!(
            (user.pid, user.name.as_str(), user.clients.len(), user.nvidia),
            (42, "kwin_wayland", 1, false)
        );
    }

    #[test]
    fn an_engine_that_is_not_listed_is_idle_only_where_the_driver_tells_of_engines() {
        let client = |driver: &str, engines: &str| {
            parse(&format!("drm-driver: {driver}\ndrm-client-id: 1\n{engines}")).expect("a client")
        };
        for (driver, engines, tells) in [
            ("amdgpu", "", true),
            ("amdgpu", "drm-engine-gfx: 5 ns\n", true),
            ("i915", "drm-engine-render: 0 ns\n", true),
            ("nouveau", "", false),
            ("panfrost", "drm-engine-fragment: 0 ns\n", false),
            ("panfrost", "drm-engine-fragment: 5 ns\n", true),
        ] {
            assert_eq!(client(driver, engines).tells_engines(), tells, "{driver} {engines}");
        }
    }

    #[test]
    fn the_one_video_engine_of_a_newer_amd_gpu_is_not_taken_for_an_encoder() {
        for (major, engines) in [
            (None, ["dec", "enc", "gfx"]),
            (Some("3"), ["dec", "enc", "gfx"]),
            (Some("4"), ["dec", "gfx", "video"]),
        ] {
            let folder = tempfile::tempdir().expect("a folder");
            if let Some(major) = major {
                let part = folder.path().join("sys/bus/pci/devices/0000:03:00.0/ip_discovery/die/0/VCN/0");
                fs::create_dir_all(&part).expect("a folder");
                fs::write(part.join("major"), format!("{major}\n")).expect("a file");
            }
            let process = folder.path().join("proc/42");
            for part in ["fd", "fdinfo"] {
                fs::create_dir_all(process.join(part)).expect("a folder");
            }
            symlink("/dev/dri/renderD128", process.join("fd/3")).expect("a link");
            fs::write(process.join("fdinfo/3"), format!("{AMD}drm-engine-enc:\t9 ns\n")).expect("a file");
            let seen = users(folder.path());
            let names: Vec<&String> = seen
                .users
                .iter()
                .flat_map(|user| &user.clients)
                .flat_map(|client| client.engines.keys())
                .collect();
            assert_eq!(names, engines, "{major:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "(drm-(driver|client-id|engine-|memory-|total-|cycles-)|[a-z0-9]|:| |\n|KiB|99999999999999999999|.){0,60}") {
            if let Some(client) = parse(&text) {
                prop_assert!(client.engines.values().all(|busy| busy.capacity > 0));
            }
        }
    }
}
