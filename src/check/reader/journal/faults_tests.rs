use super::*;
use serde_json::{Value, json};

fn noted(messages: &[&str]) -> Value {
    noted_by(Speaker::Unknown, messages)
}

fn noted_by(speaker: Speaker<'_>, messages: &[&str]) -> Value {
    let mut faults = Faults::default();
    for message in messages {
        faults.note(speaker, message.as_bytes());
    }
    serde_json::to_value(&faults).expect("a document")
}

#[test]
fn faults_are_told_apart() {
    for (message, field, value) in [
        (
            "chrome[2387]: segfault at 0 ip 09886038 sp bff58450 error 6 in chrome[8048000+2b83000]",
            "segfault_processes",
            json!(["chrome"]),
        ),
        (
            "kernel: Web Content[7]: segfault at 0 ip 0 sp 0 error 6",
            "segfault_processes",
            json!(["Web Content"]),
        ),
        (
            "foo[9]: segfault (11) at 0 nip 1000 lr 0 code 1 in foo[1000+1000]",
            "segfault_processes",
            json!(["foo"]),
        ),
        (
            "traps: guvcview[5354] general protection ip:7febb87b1d44 sp:7fff error:0",
            "general_protection",
            json!(["guvcview"]),
        ),
        (
            "traps: a b[1] general protection fault ip:7f sp:7f error:0 in x",
            "general_protection",
            json!(["a b"]),
        ),
        (
            "traps: sim[12] trap invalid opcode ip:4004 sp:7ff error:0 in sim[400000+1000]",
            "invalid_opcode",
            json!(["sim"]),
        ),
        ("sim[12] trap divide error rip:4004c4 rsp:7fff error:0", "divide_error", json!(["sim"])),
        ("traps: dbg[12] trap int3 ip:4004 sp:7ff error:0", "traps", json!(["dbg"])),
        (
            "udevd[1673]: unhandled level 2 translation fault (11) at 0x00000018, esr 0x92000006",
            "arm64_faults",
            json!(["udevd"]),
        ),
        (
            "udevd[1673]: unhandled exception: DABT (lower EL), ESR 0x92000006, level 2 translation fault in a[1+2]",
            "arm64_faults",
            json!(["udevd"]),
        ),
        (
            "mkfs.ext4[2167]: undefined instruction: pc=0000007f939a0700",
            "undefined_instruction",
            json!(["mkfs.ext4"]),
        ),
        (
            "x[3]: unhandled exception: IABT, ESR 0x02000000, undefined instruction in x[1+2]",
            "undefined_instruction",
            json!(["x"]),
        ),
        ("x[3]: unhandled signal 11 code 0x1 at 0x0000000000000000", "unhandled_signals", json!(["x"])),
        (
            "Out of memory: Killed process 1669 (xdg-desktop-por) total-vm:105068kB",
            "oom_victims",
            json!(["xdg-desktop-por"]),
        ),
        ("Killed process 7, UID 48, (httpd) total-vm:1kB", "oom_victims", json!(["httpd"])),
        (
            "Memory cgroup out of memory: Killed process 7 ((sd-pam)) total-vm:1kB",
            "oom_victims",
            json!(["(sd-pam)"]),
        ),
        (
            "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),oom_memcg=/a,task_memcg=/a,task=stress,pid=8,uid=0",
            "oom_victims",
            json!(["stress"]),
        ),
        (
            "a.service: A process of this unit has been killed by the OOM killer.",
            "oom_units",
            json!(["a.service"]),
        ),
        (
            "Killed /user.slice/a.scope due to memory pressure for /user.slice being 60%",
            "oomd_killed_cgroups",
            json!(["/user.slice/a.scope"]),
        ),
        (
            "Killed /a.scope due to memory used (1) / total (2) and swap used (3) / total (4)",
            "oomd_killed_cgroups",
            json!(["/a.scope"]),
        ),
        ("systemd-oomd[1]: Killed /user.slice/a.sc>", "oomd_killed_cgroups", json!(["/user.slice/a.sc"])),
        (
            "a.scope: systemd-oomd killed 17 process(es) in this unit.",
            "oomd_killed_units",
            json!(["a.scope"]),
        ),
        ("Process 26338 (sigsegv) of user 1000 dumped core.", "core_dumps", json!(["sigsegv"])),
        ("Process 8987 (kwin_wayland) dumped core.", "core_dumps", json!(["kwin_wayland"])),
        ("Process 1 (a) of user 0 killed by SIGSEGV - dumping core", "core_dumps", json!(["a"])),
        (
            "a.service: Main process exited, code=dumped, status=11/SEGV",
            "crashed_units",
            json!(["a.service"]),
        ),
        ("NVRM: Xid (PCI:0000:01:00): 79, pid=8828, GPU has fallen off the bus.", "xid_codes", json!([79])),
        ("NVRM: Xid (0000:01:00): 13, 0003 00000000", "xid_codes", json!([13])),
        (
            "INFO: task kworker/u8:1:33 blocked for more than 120 seconds.",
            "hung_tasks",
            json!(["kworker/u8:1"]),
        ),
        ("BUG: unable to handle page fault for address: 0", "kernel_oopses", json!(1)),
        ("watchdog: BUG: soft lockup - CPU#3 stuck for 26s! [app:12]", "kernel_oopses", json!(1)),
        ("NMI watchdog: Watchdog detected hard LOCKUP on cpu 1", "kernel_oopses", json!(1)),
        ("rcu: INFO: rcu_preempt self-detected stall on CPU", "kernel_oopses", json!(1)),
        ("divide error: 0000 [#1] SMP PTI", "kernel_oopses", json!(1)),
        ("general protection fault: 0000 [#3] PREEMPT SMP", "kernel_oopses", json!(1)),
        (
            "general protection fault, probably for non-canonical address 0xdead000000000100: 0000 [#1] PREEMPT SMP NOPTI",
            "kernel_oopses",
            json!(1),
        ),
        ("Oops: general protection fault, maybe for address 0x0: 0000 [#1] SMP", "kernel_oopses", json!(1)),
        ("Internal error: Oops: 96000004 [#1] SMP", "kernel_oopses", json!(1)),
        ("Oops: Kernel access of bad area, sig: 11 [#1]", "kernel_oopses", json!(1)),
        ("Oops [#1]", "kernel_oopses", json!(1)),
        ("Oops[#1]:", "kernel_oopses", json!(1)),
        (
            "Unable to handle kernel NULL pointer dereference at virtual address 0000000000000008",
            "kernel_oopses",
            json!(1),
        ),
        (
            "Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)",
            "kernel_oopses",
            json!(1),
        ),
        (
            "Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b",
            "kernel_oopses",
            json!(1),
        ),
        ("nouveau 0000:01:00.0: fifo: fault 01 [WRITE] at 0000000000000000", "gpu_hangs", json!(1)),
        ("nouveau 0000:01:00.0: [drm] *ERROR* [CRTC:47:head-0] flip_done timed out", "gpu_hangs", json!(1)),
        ("radeon 0000:01:00.0: GPU lockup (current fence id 0x01 last fence id 0x02)", "gpu_hangs", json!(1)),
        ("waybar[7]: segfault at 0 ip 0 sp 0 error 4", "desktop_crashes", json!(["waybar"])),
        ("xe 0000:00:02.0: [drm] GT0: Engine reset: engine_class=rcs", "gpu_hangs", json!(1)),
        ("i915 0000:00:02.0: [drm] GPU HANG: ecode 9:1:85dffffb", "gpu_hangs", json!(1)),
        (
            "KCrash: Application 'plasmashell' crashing... crashRecursionCounter = 2",
            "desktop_crashes",
            json!(["plasmashell"]),
        ),
    ] {
        let seen = noted(&[message]);
        assert_eq!(seen.get(field), Some(&value), "{field} of {message}");
    }
}

/// What the kernel says of one oops, without the stacks.
const OOPSES: [&[&str]; 6] = [
    &[
        "BUG: unable to handle page fault for address: 0000000000001000",
        "#PF: supervisor read access in kernel mode",
        "Oops: 0000 [#1] PREEMPT SMP NOPTI",
        "---[ end trace 0000000000000000 ]---",
        "Kernel panic - not syncing: Fatal exception in interrupt",
    ],
    &["BUG: kernel NULL pointer dereference, address: 0000000000000008", "Oops: 0002 [#2] SMP"],
    &["kernel BUG at mm/slub.c:315!", "invalid opcode: 0000 [#1] SMP PTI"],
    &[
        "Unable to handle kernel paging request at virtual address ffff000012345678",
        "Internal error: Oops: 96000006 [#1] PREEMPT SMP",
        "Kernel panic - not syncing: Fatal exception",
    ],
    &["divide error: 0000 [#1] SMP", "Kernel panic - not syncing: Fatal exception"],
    &[
        "watchdog: BUG: soft lockup - CPU#3 stuck for 26s! [app:12]",
        "Kernel panic - not syncing: softlockup: hung tasks",
    ],
];

#[test]
fn an_oops_is_counted_once_however_many_messages_it_takes() {
    for messages in OOPSES {
        assert_eq!(noted(messages).get("kernel_oopses"), Some(&json!(1)), "{messages:?}");
        let twice = [messages, messages].concat();
        assert_eq!(noted(&twice).get("kernel_oopses"), Some(&json!(2)), "{messages:?}");
    }
}

#[test]
fn whom_the_kernel_killed_counts_and_not_whom_it_thought_of() {
    let threat = "Out of memory: Kill process 100 (mysqld) score 900 or sacrifice child";
    for (messages, victims) in [
        (&[threat][..], json!(["mysqld"])),
        (&[threat, "Killed process 200 (child) total-vm:1kB"], json!(["child"])),
        (&[threat, "Killed process 100 (mysqld) total-vm:1kB"], json!(["mysqld"])),
        (
            &[threat, "Killed process 100 (mysqld) total-vm:1kB", "Killed process 200 (child) total-vm:1kB"],
            json!(["mysqld", "child"]),
        ),
        (
            &[
                threat,
                "Out of memory: Kill process 101 (b) score 1 or sacrifice child",
                "Killed process 102 (c)",
            ],
            json!(["mysqld", "c"]),
        ),
    ] {
        let seen = noted(messages);
        assert_eq!(seen.get("oom_victims"), Some(&victims), "{messages:?}");
        let kills = victims.as_array().map(Vec::len);
        assert_eq!(seen.get("oom_kills"), Some(&json!(kills)), "{messages:?}");
    }
}

#[test]
fn what_is_no_fault_counts_as_none() {
    let nothing = noted(&[]);
    for message in [
        "Process 7 (a) of user 1000 terminated abnormally without generating a coredump.",
        "xe 0000:03:00.0: [drm] GT0: Timedout signaled job: seqno=1, guc_id=2",
        "xe 0000:03:00.0: [drm] Using GuC firmware from xe/lnl_guc_70.bin version 70.29.2",
        "Resource limits disable core dumping for process 7 (a).",
        "perl invoked oom-killer: gfp_mask=0x280da, order=0",
        "Killed processes: none",
        "a.service: Main process exited, code=exited, status=1/FAILURE",
        "Xid of a transaction: 79",
        "audit: type=1400 apparmor=\"DENIED\"",
    ] {
        assert_eq!(noted(&[message]), nothing, "{message}");
    }
}

#[test]
fn messages_that_are_told_to_be_lost_are_counted() {
    let journald = Speaker::Named(b"systemd-journald");
    for (speaker, message, lost) in [
        (Speaker::Kernel, "show_signal_msg: 22 callbacks suppressed", 22),
        (Speaker::Kernel, "** 8813 printk messages dropped **", 8813),
        (journald, "Suppressed 5014 messages from foo.service", 5014),
        (journald, "Missed 12 kernel messages", 12),
        (journald, "/dev/kmsg buffer overrun, some messages lost.", 1),
        (Speaker::Named(b"app"), "Missed 12 kernel messages", 0),
        (Speaker::Unknown, "systemd-journald[375]: /dev/kmsg buffer overrun, some messages lost.", 1),
    ] {
        let seen = noted_by(speaker, &[message]);
        assert_eq!(seen.get("lost"), Some(&json!(lost)), "{message}");
    }
}

#[test]
fn a_process_that_is_killed_once_is_counted_once() {
    let seen = noted(&[
        "Out of memory: Kill process 18694 (perl) score 246 or sacrifice child",
        "Killed process 18694 (perl) total-vm:1972392kB",
        "oom_reaper: reaped process 18694 (perl), now anon-rss:0kB",
        "perl invoked oom-killer: gfp_mask=0x280da",
    ]);
    assert_eq!(seen.get("oom_victims"), Some(&json!(["perl"])));
    assert_eq!(seen.get("oom_kills"), Some(&json!(1)));
}

#[test]
fn a_compositor_that_crashed_is_told_once_whoever_tells_it() {
    let seen = noted(&[
        "kwin_wayland[8987]: segfault at 0 ip 0 sp 0 error 4",
        "Process 8987 (kwin_wayland) of user 1000 dumped core.",
        "editor[1]: segfault at 0 ip 0 sp 0 error 4",
    ]);
    assert_eq!(seen.get("desktop_crashes"), Some(&json!(["kwin_wayland"])));
}

#[test]
fn lists_are_bounded_and_counts_are_not() {
    let mut faults = Faults::default();
    for pid in 0..2 * MOST {
        faults.note(Speaker::Kernel, format!("a[{pid}]: segfault at 0 ip 0").as_bytes());
    }
    assert_eq!(faults.segfaults, 2 * MOST as u64);
    assert_eq!(faults.segfault_processes.len(), MOST);
}

#[test]
fn what_is_not_the_speakers_business_counts_for_nothing() {
    let nothing = noted(&[]);
    let quoted = [
        "mo : TTY=pts/0 ; COMMAND=/usr/bin/grep Out of memory: Killed process 7 (sh) total-vm:1kB",
        "app[20]: segfault at 0 ip 0 sp 0 error 6",
        "traps: app[1] trap invalid opcode ip:1 sp:2 error:0",
        "NVRM: Xid (PCI:0000:01:00): 79, GPU has fallen off the bus.",
        "BUG: unable to handle page fault for address: 0",
        "a.service: A process of this unit has been killed by the OOM killer.",
        "a.service: Main process exited, code=dumped, status=11/SEGV",
        "Process 8987 (kwin_wayland) of user 1000 dumped core.",
        "Killed /user.slice/a.scope due to memory pressure for /user.slice being 60%",
        "it said: KCrash: Application 'plasmashell' crashing...",
    ];
    for message in quoted {
        assert_eq!(noted_by(Speaker::Named(b"sudo"), &[message]), nothing, "{message}");
        assert_ne!(noted(&[message]), nothing, "{message}");
    }
    for (name, message) in [
        ("systemd", quoted[5]),
        ("init.scope", quoted[6]),
        ("systemd-coredump", quoted[7]),
        ("systemd-coredump@0-12-0.service", quoted[7]),
        ("systemd-oomd.service", quoted[8]),
    ] {
        assert_ne!(noted_by(Speaker::Named(name.as_bytes()), &[message]), nothing, "{name}: {message}");
    }
    assert_eq!(noted_by(Speaker::Kernel, &[quoted[7]]), nothing);
}

#[test]
fn an_abort_of_the_desktop_is_told_where_no_core_is_kept_and_each_crash_once() {
    let unit = "plasma-kwin_wayland.service: Main process exited, code=killed, status=6/ABRT";
    let no_core =
        "Process 1234 (kwin_wayland) of user 1000 terminated abnormally without generating a coredump.";
    let core = "Process 1234 (kwin_wayland) of user 1000 dumped core.";
    for (messages, crashes) in [
        (&[unit][..], json!(["kwin_wayland"])),
        (&[no_core], json!(["kwin_wayland"])),
        (&[no_core, unit], json!(["kwin_wayland"])),
        (&[unit, core], json!(["kwin_wayland"])),
        (&[unit, unit], json!(["kwin_wayland", "kwin_wayland"])),
        (&[core, unit, unit], json!(["kwin_wayland", "kwin_wayland"])),
        (
            &["org.gnome.Shell@wayland.service: Main process exited, code=dumped, status=6/ABRT"],
            json!(["gnome-shell"]),
        ),
        (
            &["wayland-wm@hyprland.desktop.service: Main process exited, code=killed, status=11/SEGV"],
            json!(["Hyprland"]),
        ),
        (&["plasma-plasmashell.service: Main process exited, code=killed, status=15/TERM"], json!([])),
        (&["plasma-ksplash.service: Main process exited, code=killed, status=6/ABRT"], json!([])),
    ] {
        let seen = noted(messages);
        assert_eq!(seen.get("desktop_crashes"), Some(&crashes), "{messages:?}");
    }
    assert_eq!(noted(&[no_core]).get("core_dumps"), Some(&json!([])));
}

#[test]
fn a_gpu_of_intel_that_hangs_is_told_by_its_new_driver_too() {
    for (message, hangs) in [
        (
            "xe 0000:03:00.0: [drm] Tile0: GT0: Timedout job: seqno=4294967169, lrc_seqno=1, guc_id=8, flags=0x0 in kwin_wayland [1]",
            1,
        ),
        ("xe 0000:00:02.0: [drm] Timedout job: seqno=4294967169, guc_id=2, flags=0x0", 1),
        ("xe 0000:00:02.0: [drm] GT0: Engine reset: engine_class=bcs, logical_mask: 0x2, guc_id=0", 1),
        ("xe 0000:00:02.0: [drm] GT0: Kernel-submitted job timed out", 1),
        ("xe 0000:00:02.0: [drm] GT0: VM job timed out on non-killed execqueue", 1),
        ("xe 0000:03:00.0: [drm] CRITICAL: Xe has declared device 0000:03:00.0 as wedged.", 1),
        ("xe 0000:03:00.0: [drm] device wedged, needs recovery", 1),
        ("amdgpu 0000:03:00.0: [drm] device wedged, needs recovery", 1),
        ("xe 0000:03:00.0: [drm] Xe device coredump has been created", 0),
        ("usb 1-1: axe job timed out", 0),
    ] {
        assert_eq!(noted(&[message]).get("gpu_hangs"), Some(&json!(hangs)), "{message}");
    }
}
