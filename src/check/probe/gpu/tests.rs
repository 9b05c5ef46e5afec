use super::super::ended;
use super::*;
use crate::model::{CommandLine, Observation, ProcessEnd, Value};
use crate::system::process::End;
use serde_json::json;
use std::os::unix::fs::symlink;

fn file(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, text).expect("a file");
}

fn card(root: &Path, address: &str, vendor: &str, driver: Option<&str>) {
    let device = format!("sys/bus/pci/devices/{address}");
    file(root, &format!("{device}/vendor"), vendor);
    file(root, &format!("{device}/class"), "0x030000");
    if let Some(driver) = driver {
        symlink(format!("/sys/bus/pci/drivers/{driver}"), root.join(device).join("driver")).expect("a link");
    }
}

fn process(root: &Path, pid: u32, comm: &str, command: &str, open: Option<(&str, &str)>) {
    file(root, &format!("proc/{pid}/comm"), &format!("{comm}\n"));
    file(root, &format!("proc/{pid}/cmdline"), command);
    for part in ["fd", "fdinfo"] {
        fs::create_dir_all(root.join(format!("proc/{pid}/{part}"))).expect("a folder");
    }
    if let Some((device, told)) = open {
        symlink(device, root.join(format!("proc/{pid}/fd/9"))).expect("a link");
        file(root, &format!("proc/{pid}/fdinfo/9"), told);
    }
}

fn amd_client(id: u32, graphics: u64, decode: u64) -> String {
    format!(
        "drm-driver:\tamdgpu\ndrm-pdev:\t0000:03:00.0\ndrm-client-id:\t{id}\ndrm-memory-vram:\t64 MiB\n\
         drm-engine-gfx:\t{graphics} ns\ndrm-engine-dec:\t{decode} ns\n"
    )
}

fn exited(status: i32, stdout: &str, stderr: &str) -> Given {
    Given::Ended(Box::new(ended(End::Process(ProcessEnd::Exited(status)), stdout, stderr)))
}

fn words(need: &Need) -> String {
    match need {
        Need::Child(CommandLine { argv, .. }, _) => argv.join(" "),
        Need::Stream(_) | Need::Answer(_) | Need::Pause(_) | Need::Seen(_) => String::new(),
    }
}

fn seen(need: Need) -> Observation {
    match need {
        Need::Seen(seen) => seen.expect("seen"),
        Need::Child(..) | Need::Stream(_) | Need::Answer(_) | Need::Pause(_) => panic!("{need:?}"),
    }
}

fn with_nvidia() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    card(folder.path(), "0000:01:00.0", "0x10de", Some("nvidia"));
    file(folder.path(), "sys/module/nvidia/version", "550.1\n");
    folder
}

const ROWS: &str = "index, name, pci.bus_id, driver_version, memory.used [MiB], memory.total [MiB], \
                    utilization.gpu [%], utilization.memory [%], utilization.encoder [%], utilization.decoder [%]\n\
                    0, Card X, 00000000:01:00.0, 550.1, 512 MiB, 2048 MiB, 30 %, 5 %, [N/A], 12 %\n";
const PMON: &str = "# gpu         pid   type     sm    mem    enc    dec     fb   command\n\
                    # Idx           #    C/G      %      %      %      %     MB   name\n\
                    \x20   0         77      G      4      1      -     12    200   RDD Process\n\
                    \x20   0         78      C      -      -      -      -     10   other\n";

#[test]
fn an_nvidia_gpu_is_asked_for_its_memory_its_engines_and_its_processes() {
    let folder = with_nvidia();
    process(
        folder.path(),
        77,
        "RDD Process",
        "/usr/lib/firefox/firefox\0-contentproc\0",
        Some(("/dev/nvidia0", "")),
    );
    // A tool that only asks the driver has the device open as well.
    process(folder.path(), 99, "nvtop", "nvtop\0", Some(("/dev/nvidia0", "")));
    let mut gpu = Gpu::below(folder.path(), Some("firefox"));
    let need = gpu.next(Given::Nothing);
    assert!(words(&need).contains("utilization.decoder"), "{need:?}");
    let need = gpu.next(exited(0, ROWS, ""));
    assert_eq!(words(&need), "nvidia-smi pmon -c 1 -s um");
    let seen = seen(gpu.next(exited(0, PMON, "")));
    for (field, value) in [
        ("count", json!(1)),
        ("drivers", json!(["nvidia"])),
        ("driver_version", json!("550.1")),
        ("failures", json!([])),
        ("unknown", json!(["utilization.encoder"])),
        ("memory_used", json!(512_u64 << 20)),
        ("memory_total", json!(2048_u64 << 20)),
        ("memory_used_ratio", json!(0.25)),
        ("utilisation_percent", json!(30.0)),
        ("decode_percent", json!(12.0)),
        ("client_count", json!(2)),
        ("process_running", json!(true)),
        ("on_gpu", json!(true)),
        ("process_engines", json!(["decode", "graphics"])),
        ("process_memory", json!(200_u64 << 20)),
        ("cards.0.name", json!("Card X")),
    ] {
        assert_eq!(seen.get(field), Some(&value), "{field}");
    }
    assert_eq!(seen.get("encode_percent"), None);
}

#[test]
fn an_old_tool_is_asked_for_less() {
    let folder = with_nvidia();
    let mut gpu = Gpu::below(folder.path(), None);
    gpu.next(Given::Nothing);
    let refusal = "Field \"utilization.encoder\" is not a valid field to query.\n\n";
    let need = gpu.next(exited(2, refusal, ""));
    assert!(words(&need).contains("utilization.gpu") && !words(&need).contains("encoder"), "{need:?}");
    let need = gpu.next(exited(2, "Field \"pci.bus_id\" is not a valid field to query.\n", ""));
    assert_eq!(words(&need), "nvidia-smi");
    let table = "| NVIDIA-SMI 340.98     Driver Version: 340.98         |\n\
                 |   0  Card 210            On   | 0000:01:00.0     N/A |                  N/A |\n\
                 | 35%   41C   P12    N/A /  N/A |      2MiB /  1023MiB |     N/A      Default |\n";
    let need = gpu.next(exited(0, table, ""));
    assert!(words(&need).contains("pmon"), "{need:?}");
    let seen = seen(gpu.next(exited(1, "", "Not supported\n")));
    assert_eq!(seen.get("driver_version"), Some(&json!("340.98")));
    assert_eq!(seen.get("memory_total"), Some(&json!(1023_u64 << 20)));
    assert_eq!((seen.get("count"), seen.get("utilisation_percent")), (Some(&json!(1)), None));
}

#[test]
fn a_driver_that_fails_is_seen_to_fail() {
    for (out, class) in [
        (
            "Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 550.2\n",
            "driver_library_mismatch",
        ),
        (
            "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n",
            "driver_not_communicating",
        ),
        ("Unable to determine the device handle for GPU0: 0000:01:00.0: Unknown Error\n", "gpu_lost"),
        ("No devices were found\n", "no_devices_found"),
    ] {
        let folder = with_nvidia();
        let mut gpu = Gpu::below(folder.path(), None);
        gpu.next(Given::Nothing);
        let seen = seen(gpu.next(exited(9, out, "")));
        assert_eq!(seen.get("failures"), Some(&json!([class])));
        // The kernel still tells which driver is loaded.
        assert_eq!(seen.get("driver_version"), Some(&json!("550.1")));
        assert_eq!(seen.get("memory_total"), None);
    }
}

#[test]
fn a_value_that_the_driver_refuses_is_a_failure_and_one_that_it_does_not_know_is_not() {
    let folder = with_nvidia();
    let mut gpu = Gpu::below(folder.path(), None);
    gpu.next(Given::Nothing);
    gpu.next(exited(0, &ROWS.replace("30 %", "[Unknown Error]").replace("512 MiB", "[GPU is lost]"), ""));
    let seen = seen(gpu.next(exited(0, PMON, "")));
    assert_eq!(seen.get("failures"), Some(&json!(["err_value", "gpu_lost"])));
    assert_eq!((seen.get("memory_used"), seen.get("utilisation_percent")), (None, None));
}

#[test]
fn without_the_tool_an_nvidia_gpu_cannot_be_looked_at() {
    let folder = with_nvidia();
    let mut gpu = Gpu::below(folder.path(), None);
    gpu.next(Given::Nothing);
    let missing = Given::Ended(Box::new(ended(End::NotStarted("No such file".to_owned()), "", "")));
    assert!(matches!(gpu.next(missing), Need::Seen(Err(ProbeError::NotStarted { .. }))));
    let mut gpu = Gpu::below(folder.path(), None);
    gpu.next(Given::Nothing);
    gpu.next(exited(0, "nonsense", ""));
    gpu.next(exited(0, "nonsense", ""));
    assert!(matches!(gpu.next(exited(0, "nonsense", "")), Need::Seen(Err(ProbeError::Malformed { .. }))));
}

#[test]
fn a_client_of_the_kernel_is_on_the_gpu_with_the_engines_that_it_used() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    card(root, "0000:03:00.0", "0x1002", Some("amdgpu"));
    process(
        root,
        40,
        "kwin_wayland",
        "kwin_wayland\0",
        Some(("/dev/dri/renderD128", &amd_client(1, 500, 0))),
    );
    process(root, 41, "mpv", "mpv\0film\0", Some(("/dev/dri/renderD128", &amd_client(2, 500, 700))));
    process(root, 42, "idle", "idle\0", None);
    for (name, on_gpu, engines, memory) in [
        ("kwin_wayland", Some(json!(true)), Some(json!(["graphics"])), Some(json!(64_u64 << 20))),
        ("mpv", Some(json!(true)), Some(json!(["decode", "graphics"])), Some(json!(64_u64 << 20))),
        ("idle", Some(json!(false)), None, None),
        ("nobody", None, None, None),
    ] {
        let mut gpu = Gpu::below(root, Some(name));
        assert!(matches!(gpu.next(Given::Nothing), Need::Pause(_)));
        let seen = seen(gpu.next(Given::Nothing));
        assert_eq!(seen.get("on_gpu"), on_gpu.as_ref(), "{name}");
        assert_eq!(seen.get("process_engines"), engines.as_ref(), "{name}");
        assert_eq!(seen.get("process_memory"), memory.as_ref(), "{name}");
        assert_eq!(seen.get("process_running"), Some(&json!(name != "nobody")), "{name}");
    }
}

/// One process with this client.
fn users(text: &str) -> fdinfo::Users {
    let clients = fdinfo::parse(text).into_iter().collect();
    fdinfo::Users {
        users: vec![fdinfo::User { pid: 1, name: "mpv".into(), clients, ..fdinfo::User::default() }],
        ..fdinfo::Users::default()
    }
}

#[test]
fn the_load_of_an_engine_is_what_its_clients_add_in_the_time_between() {
    let reading = seen::Reading {
        cards: vec![sysfs::Card {
            address: "0000:03:00.0".into(),
            driver: Some("amdgpu".into()),
            ..sysfs::Card::default()
        }],
        before: users(&amd_client(1, 0, 1_000_000)),
        after: users(&amd_client(1, 100_000_000, 251_000_000)),
        elapsed: std::time::Duration::from_millis(500),
        ..seen::Reading::default()
    };
    let seen = reading.observation();
    assert_eq!(seen.get("utilisation_percent"), Some(&json!(20.0)));
    assert_eq!(seen.get("decode_percent"), Some(&json!(50.0)));
    assert_eq!(seen.get("clients.0.percent"), Some(&json!({"graphics": 20.0, "decode": 50.0})));
    assert_eq!(seen.get("encode_percent"), None);
}

#[test]
fn a_card_without_a_driver_is_a_failure_and_no_card_is_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let nothing = seen(Gpu::below(folder.path(), None).next(Given::Nothing));
    assert_eq!((nothing.get("count"), nothing.get("failures")), (Some(&json!(0)), None));
    assert_eq!(nothing.get("memory_total"), None::<&Value>);
    card(folder.path(), "0000:01:00.0", "0x10de", None);
    let bare = seen(Gpu::below(folder.path(), None).next(Given::Nothing));
    assert_eq!((bare.get("count"), bare.get("failures")), (Some(&json!(1)), Some(&json!(["no_driver"]))));
}

#[test]
fn the_shipped_check_fails_for_whatever_word_a_driver_refuses_with() {
    use crate::check::library_tests::{judged, shipped};
    use crate::model::Outcome;
    let check = shipped("gpu-driver-answers", "");
    let refusals = [
        "Failed to initialize NVML: Unknown Error",
        "Failed to initialize NVML: Timeout",
        "Failed to initialize NVML: Driver/library version mismatch",
        "Failed to initialize NVML: Driver Not Loaded",
        "Failed to initialize NVML: Insufficient Permissions",
        "Failed to initialize NVML: GPU access blocked by the operating system",
        "Failed to initialize NVML: something that nobody has seen",
        "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.",
        "Unable to determine the device handle for GPU0: 0000:01:00.0: Unknown Error",
        "No devices were found",
    ];
    let answers = refusals.map(|said| (format!("{said}\n"), Outcome::Fail));
    let rows = [
        (ROWS.to_owned(), Outcome::Pass),
        (ROWS.replace("30 %", "[Unknown Error]"), Outcome::Warn),
        (ROWS.replace("30 %", "ERR!"), Outcome::Warn),
        (ROWS.replace("30 %", "[GPU is lost]"), Outcome::Fail),
    ];
    for (out, outcome) in answers.into_iter().chain(rows) {
        let folder = with_nvidia();
        let mut gpu = Gpu::below(folder.path(), None);
        let mut need = gpu.next(Given::Nothing);
        // Older questions are put where one is not answered.
        while let Need::Child(command, _) = &need {
            let processes = command.argv.iter().any(|word| word == "pmon");
            need = gpu.next(exited(0, if processes { PMON } else { &out }, ""));
        }
        let seen = seen(need);
        assert_eq!(judged(&check, &seen, None), outcome, "{out} {seen:?}");
    }
}

/// What is seen where `nvidia-smi` answers so.
fn answered(folder: &Path, process: Option<&str>, answers: &[(i32, &str)]) -> Observation {
    let mut gpu = Gpu::below(folder, process);
    let mut need = gpu.next(Given::Nothing);
    for (status, out) in answers {
        assert!(matches!(need, Need::Child(..)), "{need:?}");
        need = gpu.next(exited(*status, out, ""));
    }
    seen(need)
}

#[test]
fn a_status_that_tells_of_a_lost_gpu_is_believed_beside_rows_that_do_not() {
    let folder = with_nvidia();
    for (status, failures) in [
        (0, json!([])),
        (15, json!(["gpu_lost"])),
        (14, json!(["inforom_corrupted"])),
        (77, json!(["exit_77"])),
    ] {
        let seen = answered(folder.path(), None, &[(status, ROWS), (0, PMON)]);
        assert_eq!(seen.get("failures"), Some(&failures), "{status}");
        assert_eq!(seen.get("memory_total"), Some(&json!(2048_u64 << 20)));
    }
}

#[test]
fn rows_that_do_not_fit_their_headings_are_no_answer() {
    let folder = with_nvidia();
    let table = "| NVIDIA-SMI 340.98     Driver Version: 340.98         |\n\
                 |   0  Card 210            On   | 0000:01:00.0     N/A |                  N/A |\n\
                 | 35%   41C   P12    N/A /  N/A |      2MiB /  1023MiB |     N/A      Default |\n";
    let moved = ROWS.replace("Card X", "Card, X");
    let seen = answered(folder.path(), None, &[(0, &moved), (0, &moved), (0, table), (0, PMON)]);
    assert_eq!(seen.get("memory_total"), Some(&json!(1023_u64 << 20)));
}

#[test]
fn a_gpu_that_tells_nothing_beside_one_that_does_leaves_open_how_full_they_are() {
    use crate::check::library_tests::{judged, shipped};
    use crate::model::Outcome;
    let folder = with_nvidia();
    card(folder.path(), "0000:02:00.0", "0x10de", Some("nvidia"));
    let silent = "1, Card Y, 00000000:02:00.0, 550.1, [N/A], [N/A], [N/A], [N/A], [N/A], [N/A]\n";
    let both = answered(folder.path(), None, &[(0, &format!("{ROWS}{silent}")), (0, PMON)]);
    let loud = silent.replacen("[N/A], [N/A], [N/A]", "100 MiB, 2048 MiB, 1 %", 1);
    let well = answered(folder.path(), None, &[(0, &format!("{ROWS}{loud}")), (0, PMON)]);
    let full =
        answered(folder.path(), None, &[(0, &format!("{}{silent}", ROWS.replace("512", "2040"))), (0, PMON)]);
    for (check, seen, outcome) in [
        ("gpu-memory-free", &well, Outcome::Pass),
        ("gpu-not-busy", &well, Outcome::Pass),
        ("gpu-memory-free", &both, Outcome::Inconclusive),
        ("gpu-not-busy", &both, Outcome::Inconclusive),
        ("gpu-memory-free", &full, Outcome::Fail),
    ] {
        assert_eq!(judged(&shipped(check, ""), seen, None), outcome, "{check} {seen:?}");
    }
    // A card that has no memory of its own is nothing to wait for.
    let folder = with_nvidia();
    card(folder.path(), "0000:00:02.0", "0x8086", Some("i915"));
    let seen = answered(folder.path(), None, &[(0, ROWS), (0, PMON)]);
    assert_eq!(judged(&shipped("gpu-memory-free", ""), &seen, None), Outcome::Pass, "{seen:?}");
}

#[test]
fn a_process_that_the_driver_cannot_name_is_not_said_to_be_elsewhere() {
    let none = "# gpu         pid   type     sm    mem    enc    dec     fb   command\n\
                \x20   0          -      -      -      -      -      -      -   -\n";
    let device = Some(("/dev/nvidia0", ""));
    for (open, list, on_gpu) in [
        // In a container, the list names numbers of the machine.
        (device, none, None),
        (device, PMON, None),
        // The list names somebody who is here.
        (device, &PMON.replace(" 78 ", " 40 ")[..], Some(json!(false))),
        // It has no device open.
        (None, none, Some(json!(false))),
    ] {
        let folder = with_nvidia();
        process(folder.path(), 40, "Xorg", "Xorg\0", device);
        process(folder.path(), 41, "app", "app\0", open);
        let seen = answered(folder.path(), Some("app"), &[(0, ROWS), (0, list)]);
        assert_eq!(seen.get("on_gpu"), on_gpu.as_ref(), "{list}");
    }
}

#[test]
fn an_open_device_alone_is_no_use_of_a_gpu() {
    use crate::check::library_tests::{judged, shipped};
    use crate::model::Outcome;
    let told = |driver: &str, engines: &str| format!("drm-driver:\t{driver}\ndrm-client-id:\t1\n{engines}");
    let amd = |engines: &str| told("amdgpu", engines);
    for (driver, told, on_gpu, outcome) in [
        // llvmpipe and SwiftShader have a device open as well, and hand over what they drew.
        ("amdgpu", amd(""), Some(json!(false)), Outcome::Fail),
        ("i915", told("i915", "drm-engine-render: 0 ns\n"), Some(json!(false)), Outcome::Fail),
        ("amdgpu", amd("drm-engine-dma: 9 ns\n"), Some(json!(false)), Outcome::Fail),
        ("amdgpu", amd("drm-engine-gfx: 9 ns\n"), Some(json!(true)), Outcome::Pass),
        ("i915", told("i915", "drm-engine-render: 9 ns\n"), Some(json!(true)), Outcome::Pass),
        // Nobody knows what this one did.
        ("nouveau", told("nouveau", ""), None, Outcome::Inconclusive),
        // An older kernel tells nothing of any client.
        ("virtio_gpu", "pos:\t0\nflags:\t02\n".to_owned(), None, Outcome::Inconclusive),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        card(folder.path(), "0000:03:00.0", "0x1002", Some(driver));
        process(
            folder.path(),
            40,
            "chromium",
            "chromium\0--type=gpu-process\0",
            Some(("/dev/dri/renderD128", &told)),
        );
        let mut gpu = Gpu::below(folder.path(), Some("chromium"));
        let mut need = gpu.next(Given::Nothing);
        if matches!(need, Need::Pause(_)) {
            need = gpu.next(Given::Nothing);
        }
        let seen = seen(need);
        assert_eq!(seen.get("on_gpu"), on_gpu.as_ref(), "{driver} {told}");
        let check = shipped("application-on-gpu", "name: chromium");
        assert_eq!(judged(&check, &seen, None), outcome, "{driver} {told}");
    }
}

#[test]
fn a_device_of_nvidias_alone_is_no_use_where_nobody_lists_its_processes() {
    let folder = with_nvidia();
    process(folder.path(), 41, "app", "app\0", Some(("/dev/nvidia0", "")));
    let mut gpu = Gpu::below(folder.path(), Some("app"));
    gpu.next(Given::Nothing);
    gpu.next(exited(0, ROWS, ""));
    let seen = seen(gpu.next(exited(1, "", "Not supported\n")));
    assert_eq!(seen.get("on_gpu"), None, "{seen:?}");
    assert!(seen.why_unseen("process_engines").is_some(), "{seen:?}");
}

#[test]
fn a_browser_beside_nvidias_tool_that_only_has_the_screens_device_open_draws_in_software() {
    let screen = "drm-driver:\tnvidia-drm\ndrm-client-id:\t1\ndrm-memory-vram:\t1 MiB\n";
    for (told, driver, on_gpu) in [
        (screen, "nvidia", Some(json!(false))),
        // An older driver tells nothing of its part for the screen; of whose device it is the kernel tells.
        ("pos:\t0\n", "nvidia", Some(json!(false))),
        ("pos:\t0\n", "virtio_gpu", None),
    ] {
        let folder = with_nvidia();
        process(folder.path(), 77, "Xorg", "Xorg\0", Some(("/dev/nvidia0", "")));
        process(folder.path(), 41, "app", "app\0", Some(("/dev/dri/renderD128", told)));
        let device = folder.path().join("sys/class/drm/renderD128/device");
        fs::create_dir_all(&device).expect("a folder");
        symlink(format!("/sys/bus/pci/drivers/{driver}"), device.join("driver")).expect("a link");
        let seen = answered(folder.path(), Some("app"), &[(0, ROWS), (0, PMON)]);
        assert_eq!(seen.get("on_gpu"), on_gpu.as_ref(), "{told} {driver}: {seen:?}");
    }
}

#[test]
fn what_nvidias_tool_lists_says_nothing_of_who_hides_on_another_gpu() {
    let mut seen = Vec::new();
    for other in [None, Some("i915")] {
        let nvidia = ("0000:01:00.0", Some("nvidia"));
        let cards = [Some(nvidia), other.map(|driver| ("0000:00:02.0", Some(driver)))];
        let card = |(address, driver): (&str, Option<&str>)| sysfs::Card {
            address: address.into(),
            driver: driver.map(str::to_owned),
            ..sysfs::Card::default()
        };
        let processes = [(1, nvidia::OnNvidia::default())].into();
        let reading = seen::Reading {
            cards: cards.into_iter().flatten().map(card).collect(),
            nvidia: Answers { processes: Some(processes), ..Answers::default() },
            after: fdinfo::Users { hidden: [9].into(), ..users(&amd_client(1, 0, 0)) },
            wanted: Some([9].into()),
            ..seen::Reading::default()
        };
        seen.push(reading.observation().get("on_gpu").cloned());
    }
    assert_eq!(seen, [Some(json!(false)), None]);
}

#[test]
fn what_worked_meanwhile_is_told_apart_from_what_once_did() {
    use crate::check::library_tests::{judged, shipped};
    use crate::model::Outcome;
    for (before, after, working, outcome) in [
        ((500, 700), (900, 700), json!(["graphics"]), Outcome::Fail),
        ((500, 700), (900, 900), json!(["decode", "graphics"]), Outcome::Pass),
        ((500, 700), (500, 700), json!([]), Outcome::Fail),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        card(folder.path(), "0000:03:00.0", "0x1002", Some("amdgpu"));
        process(
            folder.path(),
            41,
            "mpv",
            "mpv\0",
            Some(("/dev/dri/renderD128", &amd_client(2, before.0, before.1))),
        );
        let mut gpu = Gpu::below(folder.path(), Some("mpv"));
        assert!(matches!(gpu.next(Given::Nothing), Need::Pause(_)));
        file(folder.path(), "proc/41/fdinfo/9", &amd_client(2, after.0, after.1));
        let seen = seen(gpu.next(Given::Nothing));
        assert_eq!(seen.get("process_working"), Some(&working));
        assert_eq!(judged(&shipped("application-decodes-on-gpu", "name: mpv"), &seen, None), outcome);
    }
}

#[test]
fn a_load_that_is_the_sum_of_those_that_may_be_seen_is_no_upper_bound() {
    use crate::check::library_tests::{judged, shipped};
    use crate::model::Outcome;
    let reading = |hides_programs: bool, busy_percent: Option<f64>| seen::Reading {
        cards: vec![sysfs::Card {
            address: "0000:03:00.0".into(),
            driver: Some("i915".into()),
            utilisation_percent: busy_percent,
            ..sysfs::Card::default()
        }],
        before: users(&amd_client(1, 0, 0)),
        after: fdinfo::Users { hides_programs, ..users(&amd_client(1, 100_000_000, 1)) },
        elapsed: std::time::Duration::from_millis(500),
        ..seen::Reading::default()
    };
    for (hides, told, outcome) in [
        (false, None, Outcome::Pass),
        (true, None, Outcome::Inconclusive),
        // The card tells it of itself.
        (true, Some(20.0), Outcome::Pass),
    ] {
        let seen = reading(hides, told).observation();
        assert_eq!(judged(&shipped("gpu-not-busy", ""), &seen, None), outcome, "{seen:?}");
    }
}
