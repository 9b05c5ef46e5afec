//! Drivers by their tools, browsers by their support pages. What the tools say is understood by the readers; here they
//! are started, and what could not be looked at is told apart from what is broken.
//!
//! A display that does not answer, a device that is not there, a tool that cannot be started: nothing was measured, an
//! error. A driver that is missing, refuses or crashes: that was measured.

mod page;

use super::{AtOnce, Circumstances, Looking, OneChild, last_line, process_end, tool, whole};
use crate::check::{ProbeError, Reader};
use crate::model::{CommandLine, Graphics, Observation, ProcessEnd, Value};
use crate::system::process::Ended;
use std::path::Path;

/// These tools print kilobytes.
const KEPT: usize = 1 << 20;

/// A tool whose words a reader understands.
struct Tool {
    reader: &'static str,
    /// The field that names the class of a failure.
    class: &'static str,
    /// The field that says whether a driver answers.
    answers: Option<&'static str>,
    /// Whether a line can only be the tool's, where it says that nothing is there by saying nothing of it.
    own: Option<fn(&str) -> bool>,
    /// Classes in which nothing was measured, and what a person may do.
    unreachable: &'static [(&'static str, &'static str)],
}

const NO_SESSION: &str = "look with `as: session` while somebody is logged in, or name another display";
const BROKEN_TOOL: &str = "install it again: it cannot be started";

const VAINFO: Tool = Tool {
    reader: "vainfo",
    class: "failure",
    answers: Some("ok"),
    own: None,
    unreachable: &[
        ("no_display", NO_SESSION),
        ("no_device", "is there a GPU, is its kernel driver loaded, and may this user open /dev/dri?"),
        ("not_started", BROKEN_TOOL),
    ],
};
const VDPAUINFO: Tool = Tool {
    reader: "vdpauinfo",
    class: "error_class",
    answers: Some("device_created"),
    own: None,
    unreachable: &[("no_display", NO_SESSION), ("not_started", BROKEN_TOOL)],
};
const GLXINFO: Tool = Tool {
    reader: "glxinfo",
    class: "failure",
    answers: None,
    own: None,
    unreachable: &[("no_display", NO_SESSION), ("not_started", BROKEN_TOOL)],
};
const LSPCI: Tool =
    Tool { reader: "lspci", class: "failure", answers: None, own: Some(is_device), unreachable: &[] };

pub(super) fn begin<'a>(what: &'a Graphics, around: Circumstances<'_>) -> Box<dyn Looking + 'a> {
    let page = move |reader: &'static str, file: &'a Path| {
        let (phase, now) = (around.phase_started, around.now);
        AtOnce(move || page::page(Path::new("/"), reader, file, phase, now))
    };
    match what {
        Graphics::Vainfo { .. } => asked(what, &VAINFO),
        Graphics::Vdpauinfo { .. } => asked(what, &VDPAUINFO),
        Graphics::Opengl { .. } => asked(what, &GLXINFO),
        Graphics::Lspci => asked(what, &LSPCI),
        Graphics::Firefox { file } => Box::new(page("firefox-support", file)),
        Graphics::Chromium { file } => Box::new(page("chrome-gpu", file)),
    }
}

fn asked(what: &Graphics, of: &'static Tool) -> Box<dyn Looking> {
    Box::new(OneChild { command: command(what), keep: KEPT, read: move |ended: &Ended| read(of, ended) })
}

fn command(what: &Graphics) -> CommandLine {
    let with = |mut command: CommandLine, name: &str, value: Option<&String>| {
        command.env.extend(value.map(|value| (name.to_owned(), value.clone())));
        command
    };
    match what {
        Graphics::Vainfo { display, device, driver } => {
            let mut argv = vec!["vainfo".to_owned()];
            if let Some(display) = display {
                argv.extend(["--display".to_owned(), display.word().to_owned()]);
            }
            if let Some(device) = device {
                argv.extend(["--device".to_owned(), device.to_string_lossy().into_owned()]);
            }
            with(tool(argv), "LIBVA_DRIVER_NAME", driver.as_ref())
        }
        Graphics::Vdpauinfo { display, driver } => {
            let named = with(tool(["vdpauinfo"]), "DISPLAY", display.as_ref());
            with(named, "VDPAU_DRIVER", driver.as_ref())
        }
        Graphics::Opengl { display } => with(tool(["glxinfo", "-B"]), "DISPLAY", display.as_ref()),
        // No tool is asked for a page.
        Graphics::Lspci | Graphics::Firefox { .. } | Graphics::Chromium { .. } => {
            tool(["lspci", "-D", "-nnk"])
        }
    }
}

/// `0000:01:00.0 VGA compatible controller`
fn is_device(line: &str) -> bool {
    let slot = line.split(' ').next().unwrap_or_default();
    let digits =
        |text: &str, length: usize| text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut parts = slot.rsplit([':', '.']);
    let known = [1, 2, 2].into_iter().all(|length| parts.next().is_some_and(|part| digits(part, length)));
    known && parts.next().is_none_or(|domain| digits(domain, domain.len().max(4)))
}

fn read(of: &Tool, ended: &Ended) -> Result<Observation, ProbeError> {
    let name = of.reader;
    let end = process_end(name, ended)?;
    let too_much = || ProbeError::TooMuch {
        what: name.to_owned(),
        bytes: ended.stdout.total.saturating_add(ended.stderr.total),
        kept: KEPT,
    };
    // libva speaks on standard error, and before the list.
    let said = whole(&ended.stderr).ok_or_else(too_much)? + &whole(&ended.stdout).ok_or_else(too_much)?;
    let end = match end {
        // Whoever wraps a program tells of its signal as shells do.
        ProcessEnd::Exited(status @ 129..160) => ProcessEnd::Signaled(status - 128),
        ProcessEnd::Exited(_) | ProcessEnd::Signaled(_) => end,
    };
    let mut seen = match end {
        ProcessEnd::Signaled(_) if said.trim().is_empty() => Observation::new(),
        ProcessEnd::Exited(status) if said.trim().is_empty() => {
            return Err(ProbeError::Unreachable {
                what: format!("{name} ended with {status} and said nothing"),
                hint: "start it by hand: is the program that is found by this name the tool itself?",
            });
        }
        ProcessEnd::Exited(_) | ProcessEnd::Signaled(_) => understood(name, &mut said.as_bytes())?,
    };
    let class = seen.get(of.class).and_then(Value::as_str).map(str::to_owned);
    if let Some((class, hint)) =
        of.unreachable.iter().find(|(unreachable, _)| class.as_deref() == Some(*unreachable))
    {
        let last = [&ended.stderr, &ended.stdout].map(last_line).into_iter().find(|line| !line.is_empty());
        let what = format!("{name}: {class}: {}", last.unwrap_or_default());
        return Err(ProbeError::Unreachable { what, hint });
    }
    let answers = of.answers.is_none_or(|answers| seen.get(answers) == Some(&Value::Bool(true)));
    let spoke = of.own.is_none_or(|own| said.lines().any(own));
    if end == ProcessEnd::Exited(0) && class.is_none() && !(answers && spoke) {
        // It says that all is well, and nothing that the tool would say.
        let last = [&ended.stdout, &ended.stderr].map(last_line).into_iter().find(|line| !line.is_empty());
        return Err(ProbeError::Malformed {
            what: format!("what {name} says"),
            why: format!(
                "it ended well, and no driver and no failure is in it: {}",
                last.unwrap_or_default()
            ),
        });
    }
    match end {
        // It ended by itself: the list is whole, however short it is.
        ProcessEnd::Exited(0) => seen = seen.with("complete", true),
        ProcessEnd::Exited(_) if class.is_some() => {}
        ProcessEnd::Exited(status) => {
            let last =
                [&ended.stderr, &ended.stdout].map(last_line).into_iter().find(|line| !line.is_empty());
            return Err(ProbeError::Malformed {
                what: format!("what {name} says"),
                why: format!("it ended with {status}: {}", last.unwrap_or_default()),
            });
        }
        // What a driver's code does to the tool it does to every program.
        ProcessEnd::Signaled(signal) => {
            seen = seen.with(of.class, "crashed").with("signal", signal).with("complete", false);
            if let Some(answers) = of.answers {
                seen = seen.with(answers, false);
            }
        }
    }
    Ok(seen)
}

/// What a reader makes of it, without the fields that are not known.
fn understood(name: &str, from: &mut dyn std::io::BufRead) -> Result<Observation, ProbeError> {
    let reader = Reader::named(name)
        .ok_or_else(|| ProbeError::Malformed { what: name.to_owned(), why: "nothing reads it".to_owned() })?;
    let mut seen = reader.heard(from)?;
    seen.0.retain(|_, value| !value.is_null());
    Ok(seen)
}

#[cfg(test)]
mod tests {
    use super::super::ended;
    use super::*;
    use crate::model::VaDisplay;
    use crate::system::process::End;
    use serde_json::json;

    const LOADED: &str = "vainfo: VA-API version: 1.20 (libva 2.20.0)
vainfo: Driver version: Example
vainfo: Supported profile and entrypoints
";

    fn exited(status: i32, stdout: &str, stderr: &str) -> Ended {
        ended(End::Process(ProcessEnd::Exited(status)), stdout, stderr)
    }

    #[test]
    fn the_settings_become_arguments_and_environment() {
        let vainfo = command(&Graphics::Vainfo {
            display: Some(VaDisplay::Drm),
            device: Some("/dev/dri/renderD129".into()),
            driver: Some("iHD".to_owned()),
        });
        assert_eq!(vainfo.argv, ["vainfo", "--display", "drm", "--device", "/dev/dri/renderD129"]);
        assert_eq!(vainfo.env.get("LIBVA_DRIVER_NAME").map(String::as_str), Some("iHD"));
        let vdpauinfo = command(&Graphics::Vdpauinfo {
            display: Some(":1".to_owned()),
            driver: Some("va_gl".to_owned()),
        });
        assert_eq!(vdpauinfo.argv, ["vdpauinfo"]);
        assert_eq!(vdpauinfo.env.get("DISPLAY").map(String::as_str), Some(":1"));
        assert_eq!(vdpauinfo.env.get("VDPAU_DRIVER").map(String::as_str), Some("va_gl"));
        assert_eq!(command(&Graphics::Opengl { display: None }).argv, ["glxinfo", "-B"]);
    }

    #[test]
    fn a_list_that_the_tool_ended_itself_is_complete_and_unknown_fields_are_left_out() {
        let seen = read(&VAINFO, &exited(0, LOADED, "")).expect("seen");
        assert_eq!(seen.get("complete"), Some(&json!(true)));
        assert_eq!(seen.get("failure"), None);
        assert_eq!(seen.get("ok"), Some(&json!(true)));
    }

    #[test]
    fn what_could_not_be_reached_is_an_error_with_its_class() {
        for (of, stderr, expected) in [
            (&VAINFO, "error: failed to initialize display\n", "vainfo: no_display: error: failed"),
            (&VAINFO, "error: failed to initialize display 'drm'\n", "vainfo: no_device: error: failed"),
            (
                &VDPAUINFO,
                "vdpauinfo: cannot connect to X server :9\n",
                "vdpauinfo: no_display: vdpauinfo: cannot",
            ),
            (&GLXINFO, "Error: unable to open display\n", "glxinfo: no_display: Error: unable"),
        ] {
            let why = read(of, &exited(1, "", stderr)).expect_err("an error");
            assert!(why.to_string().starts_with(expected) && why.hint().is_some(), "{why}");
        }
        // Nonsense, or another language, that ends well.
        for (of, words) in [
            (&VAINFO, "Datei oder Verzeichnis nicht gefunden\n"),
            (&VAINFO, "vainfo: VA-API version: 1.20 (libva 2.20.0)\n"),
            (&VDPAUINFO, "No such file\n"),
            (&VDPAUINFO, "display: :0   screen: 0\n"),
            (&LSPCI, "No such file\n"),
        ] {
            let why = read(of, &exited(0, words, "")).expect_err("an error");
            assert!(matches!(why, ProbeError::Malformed { .. }), "{why}");
        }
        for line in ["00:02.0 VGA compatible controller: A", "0000:01:00.0 3D controller [0302]: B [10de:1]"]
        {
            assert!(read(&LSPCI, &exited(0, &format!("{line}\n"), "")).is_ok(), "{line}");
        }
        let nonsense = read(&VAINFO, &exited(7, "", "what is this\n")).expect_err("an error");
        assert_eq!(nonsense.to_string(), "cannot understand what vainfo says: it ended with 7: what is this");
    }

    #[test]
    fn a_driver_that_fails_or_crashes_was_measured() {
        let refused = "libva info: Trying to open /x/a_drv_video.so\nlibva error: /x/a_drv_video.so init failed\n\
                       vaInitialize failed with error code 2 (resource allocation failed),exit\n";
        let seen = read(&VAINFO, &exited(3, "", refused)).expect("seen");
        assert_eq!((seen.get("ok"), seen.get("failure")), (Some(&json!(false)), Some(&json!("init_failed"))));
        let crashed = ended(End::Process(ProcessEnd::Signaled(11)), LOADED, "");
        let seen = read(&VAINFO, &crashed).expect("seen");
        assert_eq!((seen.get("ok"), seen.get("failure")), (Some(&json!(false)), Some(&json!("crashed"))));
        assert_eq!((seen.get("complete"), seen.get("signal")), (Some(&json!(false)), Some(&json!(11))));
        // A shell around it tells of the signal in its own way, and may have nothing else to tell.
        assert_eq!(read(&VAINFO, &exited(139, LOADED, "")), Ok(seen));
        let silent = read(&VAINFO, &exited(139, "", "")).expect("seen");
        assert_eq!(
            (silent.get("failure"), silent.get("signal")),
            (Some(&json!("crashed")), Some(&json!(11)))
        );
        let silent = read(&VDPAUINFO, &exited(134, "\n", "")).expect("seen");
        assert_eq!(
            (silent.get("error_class"), silent.get("signal"), silent.get("device_created")),
            (Some(&json!("crashed")), Some(&json!(6)), Some(&json!(false)))
        );
    }

    #[test]
    fn a_tool_that_said_nothing_is_told_as_such_and_of_no_file() {
        for (of, status) in [(&VAINFO, 0), (&VDPAUINFO, 7), (&GLXINFO, 255), (&LSPCI, 0)] {
            let why = read(of, &exited(status, "", "")).expect_err("an error");
            let words = format!("{} ended with {status} and said nothing", of.reader);
            assert_eq!(why.to_string(), words);
            assert!(
                why.hint().is_some_and(|hint| !hint.contains("file") && !hint.contains("2>&1")),
                "{why:?}"
            );
        }
    }
}
