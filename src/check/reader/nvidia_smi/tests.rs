use super::*;
use proptest::prelude::*;
use serde_json::json;

const HEAD: &str = "\
+-----------------------------------------------------------------------------+
| NVIDIA-SMI 525.60.11    Driver Version: 525.60.11    CUDA Version: 12.0     |
|-------------------------------+----------------------+----------------------+
| GPU  Name        Persistence-M| Bus-Id        Disp.A | Volatile Uncorr. ECC |
| Fan  Temp  Perf  Pwr:Usage/Cap|         Memory-Usage | GPU-Util  Compute M. |
|                               |                      |               MIG M. |
|===============================+======================+======================|
";
const GPU: &str = "\
|   0  NVIDIA Card X...    Off  | 00000000:01:00.0  On |                  N/A |
| 30%   41C    P8    ERR! / 320W |    612MiB / 10240MiB |      3%      Default |
|                               |                      |                  N/A |
+-------------------------------+----------------------+----------------------+
";
const PROCESSES: &str = "\
+-----------------------------------------------------------------------------+
| Processes:                                                                  |
|  GPU   GI   CI        PID   Type   Process name                  GPU Memory |
|        ID   ID                                                   Usage      |
|=============================================================================|
|    0   N/A  N/A      1234      G   /usr/bin/kwin_wayland            120MiB |
|    0    7    0       1300    C+G   ...AAA --with spaces              90MiB |
|    0   N/A  N/A      1400    C+G   Insufficient Permissions            N/A |
+-----------------------------------------------------------------------------+
";

fn gpu(index: u8, name: &str, used: Option<u32>, total: Option<u32>, load: Option<u8>) -> Value {
    json!({
        "index": index, "name": name, "memory_used_mib": used, "memory_total_mib": total,
        "utilization_percent": load
    })
}

#[test]
fn a_table_gives_versions_gpus_and_processes() {
    let seen = read(&[HEAD, GPU, "\n", PROCESSES].concat());
    assert_eq!(seen.get("kind"), Some(&json!("table")));
    assert_eq!(seen.get("driver_version"), Some(&json!("525.60.11")));
    assert_eq!(seen.get("cuda_version"), Some(&json!("12.0")));
    assert_eq!(seen.get("gpus"), Some(&json!([gpu(0, "NVIDIA Card X...", Some(612), Some(10240), Some(3))])));
    let processes = json!([
        {"pid": 1234, "type": "G", "name": "/usr/bin/kwin_wayland", "memory_mib": 120},
        {"pid": 1300, "type": "C+G", "name": "...AAA --with spaces", "memory_mib": 90},
        {"pid": 1400, "type": "C+G", "name": "Insufficient Permissions", "memory_mib": null},
    ]);
    assert_eq!(seen.get("processes"), Some(&processes));
    assert_eq!((seen.get("ok"), seen.get("complete")), (Some(&json!(true)), Some(&json!(true))));
    assert_eq!(seen.get("err_values"), Some(&json!(1)));
}

#[test]
fn a_table_that_breaks_off_says_so_and_keeps_what_is_there() {
    let seen = read(&[HEAD, GPU].concat());
    assert_eq!((seen.get("processes"), seen.get("complete")), (Some(&Value::Null), Some(&json!(false))));
    let first_line = GPU.lines().next().expect("a line");
    let seen = read(&[HEAD, first_line].concat());
    assert_eq!(seen.get("gpus"), Some(&json!([gpu(0, "NVIDIA Card X...", None, None, None)])));
}

#[test]
fn tables_of_every_age_are_read() {
    let old = "\
| NVIDIA-SMI 3.295.40   Driver Version: 295.40         |
| Nb.  Name                     | Bus Id        Disp.  | Volatile ECC SB / DB |
|===============================+======================+======================|
| 0.  Card 550 Ti               | 0000:01:00.0  N/A    |       N/A        N/A |
|  33%   64 C  N/A   N/A /  N/A |  56%  577MB / 1023MB |  N/A      Default    |
| Compute processes:                                               GPU Memory |
|  GPU  PID     Process name                                       Usage      |
|  0.           Not Supported                                                 |
|  0.  4711  ./solve it                                                 76MB  |
+-----------------------------------------------------------------------------+
";
    let seen = read(old);
    assert_eq!(seen.get("driver_version"), Some(&json!("295.40")));
    assert_eq!(seen.get("gpus"), Some(&json!([gpu(0, "Card 550 Ti", Some(577), Some(1023), None)])));
    let processes = json!([{"pid": 4711, "type": null, "name": "./solve it", "memory_mib": 76}]);
    assert_eq!(seen.get("processes"), Some(&processes));

    let new = "| NVIDIA-SMI 610.57.04              KMD Version: 610.57.04     CUDA UMD Version: 13.3     |\n";
    let seen = read(&[new, GPU].concat());
    assert_eq!(seen.get("driver_version"), Some(&json!("610.57.04")));
    assert_eq!(seen.get("cuda_version"), Some(&json!("13.3")));
}

#[test]
fn parts_of_a_divided_gpu_are_not_counted_as_gpus() {
    let parts = "\
| MIG devices:                                                                |
| GPU  GI  CI  MIG |         Memory-Usage |        Vol|         Shared        |
|  0    1   0   0  |     19MiB / 40192MiB | 60      0 |  3   0    3    0    3 |
|                  |      0MiB / 65535MiB |           |                       |
";
    let seen = read(&[HEAD, GPU, parts, PROCESSES].concat());
    assert_eq!(seen.get("gpus").and_then(Value::as_array).map(Vec::len), Some(1));
}

#[test]
fn messages_have_classes() {
    for (text, class) in [
        (
            "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure ...\n",
            "driver_not_communicating",
        ),
        ("Failed to initialize NVML: Driver/library version mismatch\n", "driver_library_mismatch"),
        ("Failed to initialize NVML: Driver Not Loaded\n", "driver_not_loaded"),
        ("Failed to initialize NVML: Unknown Error\n", "unknown_error"),
        (
            "Failed to initialize NVML: GPU access blocked by the operating system\n",
            "gpu_access_blocked_by_the_operating_system",
        ),
        ("Failed to initialize NVML: Insufficient Permissions\n", "insufficient_permissions"),
        ("No devices were found\n", "no_devices_found"),
        (
            "NVIDIA-SMI couldn't find libnvidia-ml.so library in your system. Please make sure\n",
            "library_not_found",
        ),
        ("Unable to determine the device handle for GPU 0000:01:00.0: GPU is lost.  Reboot\n", "gpu_lost"),
        ("bash: nvidia-smi: command not found\n", "not_installed"),
        ("zsh: command not found: nvidia-smi\n", "not_installed"),
        ("The program 'nvidia-smi' is not in your PATH.\n", "not_installed"),
        ("bash: nvidia-smi: Kommando nicht gefunden.\n", "not_installed"),
    ] {
        let seen = read(text);
        assert_eq!(seen.get("kind"), Some(&json!("error")), "{text}");
        assert_eq!(seen.get("error_class"), Some(&json!(class)), "{text}");
        assert_eq!(
            (seen.get("ok"), seen.get("nvml_library_version")),
            (Some(&json!(false)), Some(&Value::Null))
        );
    }
    let seen =
        read("Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 535.161\n");
    assert_eq!(seen.get("nvml_library_version"), Some(&json!("535.161")));
}

#[test]
fn a_table_beside_which_a_gpu_is_lost_is_not_ok() {
    let lost = "Unable to determine the device handle for GPU1: 0000:34:00.0: Unknown Error\n";
    let seen = read(&[lost, HEAD, GPU, PROCESSES].concat());
    assert_eq!(seen.get("kind"), Some(&json!("table")));
    assert_eq!((seen.get("ok"), seen.get("error_class")), (Some(&json!(false)), Some(&json!("gpu_lost"))));
}

#[test]
fn what_it_never_prints_is_unknown_and_not_ok() {
    for text in ["", "hello, world\n", "GPU\n", "a | b | c\n"] {
        let seen = read(text);
        assert_eq!(
            (seen.get("kind"), seen.get("ok")),
            (Some(&json!("unknown")), Some(&json!(false))),
            "{text}"
        );
    }
}

#[test]
fn a_list_gives_names() {
    let seen =
        read("GPU 0: Card A (UUID: GPU-1)\n  MIG 3g.20gb  Device 0: (UUID: MIG-2)\nGPU 1: Card B (S/N: 7)\n");
    assert_eq!(seen.get("kind"), Some(&json!("list")));
    assert_eq!(seen.get("gpus"), Some(&json!(["Card A", "Card B"])));
    assert_eq!(seen.get("mig_devices"), Some(&json!(1)));
}

#[test]
fn rows_keep_shares_and_sizes_as_numbers_and_what_is_not_known_as_nothing() {
    let text = "index, name, temperature.gpu, utilization.gpu [%], memory.used [MiB], memory.total [MiB]\n\
                0, Card A, 50, 7 %, 12 MiB, 8192 MiB\n1, Card B, [N/A], [Not Supported], N/A, 4096\n2, Card";
    let seen = read(text);
    assert_eq!(seen.get("kind"), Some(&json!("csv")));
    let rows = json!([
        {"index": "0", "name": "Card A", "utilization.gpu [%]": 7, "memory.used [MiB]": 12, "memory.total [MiB]": 8192},
        {"index": "1", "name": "Card B", "utilization.gpu [%]": null, "memory.used [MiB]": null,
         "memory.total [MiB]": 4096},
    ]);
    assert_eq!(seen.get("rows"), Some(&rows));
    assert_eq!((seen.get("complete"), seen.get("short_rows")), (Some(&json!(false)), Some(&json!(1))));
}

#[test]
fn processes_are_read_under_whatever_headings_there_are() {
    let text = "#Date       Time        gpu        pid  type    sm   command\n\
                #YYYYMMDD   HH:MM:SS    Idx          #   C/G     %   name\n \
                20170212   14:23:02      0       4673     G     -   a b\n \
                20170212   14:23:03      0          -     -     -\n";
    let seen = read(text);
    assert_eq!(seen.get("kind"), Some(&json!("pmon")));
    assert_eq!(seen.get("rows.0.command"), Some(&json!("a b")));
    assert_eq!(seen.get("rows.0.pid"), Some(&json!("4673")));
    assert_eq!(seen.get("rows.1.pid"), Some(&json!("-")));
    assert_eq!(
        read("# gpu   pwr  temp\n# Idx   W   C\n    0    19   41\n").get("kind"),
        Some(&json!("dmon"))
    );
}

#[test]
fn a_report_gives_places_memory_and_temperature_of_the_first() {
    let text = "==============NVSMI LOG==============\n\nDriver Version      : 580.1\nCUDA Version  : N/A\n\
                Attached GPUs    : 2\nGPU 00000000:00:04.0\n    Product Name : Card A\n    FB Memory Usage\n\
                \x20       Total    : 40960 MiB\n        Reserved  : 520 MiB\n        Used  : N/A\n\
                \x20   BAR1 Memory Usage\n        Total   : 65536 MiB\n    Temperature\n\
                \x20       GPU Current Temp   : 62 C\n        GPU Shutdown Temp : 90 C\nGPU 00000000:00:05.0\n\
                \x20   FB Memory Usage\n        Free : 7 MiB\n";
    let seen = read(text);
    assert_eq!(seen.get("kind"), Some(&json!("query_log")));
    assert_eq!(seen.get("driver_version"), Some(&json!("580.1")));
    assert_eq!(seen.get("cuda_version"), Some(&Value::Null));
    assert_eq!(seen.get("gpu_bus_ids"), Some(&json!(["00000000:00:04.0", "00000000:00:05.0"])));
    assert_eq!(seen.get("fb_memory_mib"), Some(&json!({"total": 40960, "reserved": 520, "used": null})));
    assert_eq!((seen.get("temperature_c"), seen.get("complete")), (Some(&json!(62)), Some(&json!(true))));
}

/// Pieces of what the tool prints, in any order, cut anywhere, among anything.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just(HEAD.to_owned()),
        Just(GPU.to_owned()),
        Just(PROCESSES.to_owned()),
        Just("# gpu pid type sm command\n 0 1 C - x\n".to_owned()),
        Just("name, memory.used [MiB]\nCard, 1 MiB\n".to_owned()),
        Just("GPU 0: Card (UUID: GPU-1)\n".to_owned()),
        Just("=NVSMI LOG=\nGPU 0000:01:00.0\nFB Memory Usage\nUsed : 1 MiB\n".to_owned()),
        Just("Failed to initialize NVML: ".to_owned()),
        ".{0,20}",
        "[|+\\-= /:.%0-9MiBGPU\u{e9}\n]{0,30}",
    ];
    let cut = |(text, from, to): (String, prop::sample::Index, prop::sample::Index)| {
        let all: Vec<char> = text.chars().collect();
        let (from, to) = (from.index(all.len() + 1), to.index(all.len() + 1));
        all.get(from.min(to)..from.max(to)).unwrap_or_default().iter().collect::<String>()
    };
    let joined = prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat());
    (joined, any::<prop::sample::Index>(), any::<prop::sample::Index>()).prop_map(cut)
}

proptest! {
    #[test]
    fn any_output_has_a_kind_and_says_whether_it_is_ok(text in pieces()) {
        let seen = read(&text);
        prop_assert!(seen.get("kind").is_some_and(Value::is_string));
        prop_assert!(seen.get("ok").is_some_and(Value::is_boolean));
        prop_assert!(!seen.0.is_empty());
    }
}

#[test]
fn the_prompt_behind_a_copied_table_is_no_row_of_it() {
    for prompt in [
        "user@host:~$ ",
        "[user@host ~]# ls",
        "$ nvidia-smi",
        "(base) user@host:~$",
        "C:\\Users\\x>",
        "PS C:\\> dir",
        "❯",
        "bash-5.2$ ",
        "~/x %",
    ] {
        for text in
            ["name\nNVIDIA A 10\n", "utilization.gpu [%]\n30 %\n", "name, memory.used [MiB]\nA, 3 MiB\n"]
        {
            let csv = Csv::of(&format!("{text}{prompt}\n")).expect("a table");
            assert_eq!((csv.len(), Csv::of(text).map(|csv| csv.len())), (1, Some(1)), "{text}{prompt}");
        }
    }
}

#[test]
fn a_gpu_that_sits_on_no_bus_is_one_of_which_little_is_known() {
    let orin = "|   0  Orin (nvgpu)                  N/A  | N/A              N/A |                  N/A |\n\
                | N/A   N/A  N/A               N/A /  N/A | Not Supported        |     N/A          N/A |\n\
                |                                         |                      |                  N/A |\n\
                +-----------------------------------------+----------------------+----------------------+\n";
    let seen = read(
        &[&HEAD.replace("Driver Version: 525.60.11", "Driver Version: N/A"), orin, "\n", PROCESSES].concat(),
    );
    assert_eq!(seen.get("gpus"), Some(&json!([gpu(0, "Orin (nvgpu)", None, None, None)])));
    assert_eq!((seen.get("driver_version"), seen.get("ok")), (Some(&json!(null)), Some(&json!(true))));
}

#[test]
fn a_heading_under_which_it_gives_up_is_not_ok() {
    let heading = "# gpu         pid   type     sm    mem    enc    dec    command\n# Idx           #    C/G      %      %      %      %    name\n";
    for (said, class) in [
        ("Not supported on the device(s)\n", "not_supported"),
        ("Failed to process command line.\n", "failed"),
    ] {
        let seen = read(&format!("{heading}{said}"));
        assert_eq!(
            (seen.get("ok"), seen.get("error_class")),
            (Some(&json!(false)), Some(&json!(class))),
            "{said}"
        );
    }
}

#[test]
fn rows_without_a_heading_are_rows() {
    for text in [
        "0, NVIDIA Card X, 612 MiB, 8192 MiB, 3 %\n1, NVIDIA Card Y, 1 MiB, 8192 MiB, [N/A]\n",
        "612 MiB\n",
        "30 %\n",
        "0, NVIDIA GeForce RTX 3080, 535.161.07, 312, 10240, 4\n",
        "Tesla T4, 312\n",
        "312, 10240, 4\n0, 10240, [N/A]\n",
    ] {
        let seen = read(text);
        assert_eq!((seen.get("headings"), seen.get("rows")), (Some(&json!([])), Some(&json!([]))), "{text}");
        assert_eq!((seen.get("kind"), seen.get("ok")), (Some(&json!("csv")), Some(&json!(true))), "{text}");
        let cells = seen.get("cells").and_then(Value::as_array).map(Vec::len);
        assert_eq!(cells, Some(text.lines().count()), "{text}");
    }
    for text in ["It takes 612 MiB, I think.\n", "a, b\n", "1\n", "1, 2\n3\n"] {
        assert_eq!(read(text).get("kind"), Some(&json!("unknown")), "{text}");
    }
}

#[test]
fn where_nobody_computes_there_is_a_heading_alone() {
    for (text, complete) in [
        ("pid, process_name, used_gpu_memory [MiB]\n", true),
        ("gpu_uuid, retired_pages.address, retired_pages.cause\n", true),
        ("name, memory.used [MiB]\n", false),
    ] {
        let seen = read(text);
        assert_eq!((seen.get("kind"), seen.get("cells")), (Some(&json!("csv")), Some(&json!([]))), "{text}");
        assert_eq!(seen.get("complete"), Some(&json!(complete)), "{text}");
    }
}

#[test]
fn what_is_warned_of_beside_a_table_is_told() {
    let warning = "WARNING: infoROM is corrupted at gpu 0000:01:00.0\n";
    let seen = read(&[HEAD, GPU, PROCESSES, warning].concat());
    assert_eq!((seen.get("kind"), seen.get("complete")), (Some(&json!("table")), Some(&json!(true))));
    assert_eq!(seen.get("error_class"), Some(&json!("inforom_corrupted")));
    let seen = read("Field \"utilization.foo\" is not a valid field to query.\n\n");
    assert_eq!(
        (seen.get("kind"), seen.get("error_class")),
        (Some(&json!("error")), Some(&json!("invalid_field")))
    );
}

#[test]
fn a_message_that_was_broken_into_lines_means_the_same() {
    for (text, class) in [
        (
            "NVIDIA-SMI has failed because it couldn't communicate with the\nNVIDIA driver. Make sure that the latest\nNVIDIA driver is installed and running.\n",
            "driver_not_communicating",
        ),
        (
            "NVIDIA-SMI has\nfailed because it couldn't communicate with the NVIDIA driver.\n",
            "driver_not_communicating",
        ),
        (
            "NVIDIA-SMI has failed because you do not have permission to access the driver.\n",
            "insufficient_permissions",
        ),
        ("NVIDIA-SMI has failed because you do\nnot have permission\n", "insufficient_permissions"),
        ("NVIDIA-SMI has failed.\n", "failed"),
    ] {
        assert_eq!(read(text).get("error_class"), Some(&json!(class)), "{text}");
    }
}

#[test]
fn what_a_person_wrote_below_the_rows_is_none_of_them() {
    for prose in ["That is what I get when idle.\n", "\nAs you see, it does nothing, which is odd\n"] {
        for text in [
            "name, memory.used [MiB], memory.total [MiB], utilization.gpu [%]\nA, 3 MiB, 4 MiB, 0 %\n",
            "utilization.gpu [%]\n30 %\n",
            "name\nNVIDIA A 10\n",
        ] {
            let seen = read(&format!("{text}{prose}"));
            assert_eq!(seen.get("rows").and_then(Value::as_array).map(Vec::len), Some(1), "{text}{prose}");
            assert_eq!(seen.get("complete"), Some(&json!(true)), "{text}{prose}");
        }
    }
    assert_eq!(
        read("utilization.gpu [%]\n30 %\nThanks!\n").get("rows").and_then(Value::as_array).map(Vec::len),
        Some(1)
    );
    assert_eq!(
        read("name, memory.used [MiB], memory.total [MiB]\nA, 3 MiB\n").get("complete"),
        Some(&json!(false))
    );
}
