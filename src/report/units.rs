//! The text of what makes validations come by themselves: systemd units, a NixOS module, a line of a crontab. Pure;
//! nothing in them is secret, since everybody may read them.

use crate::model::{Span, Timer};

/// What every one of them begins with: nobody shall wonder where it came from.
const ORIGIN: &str = "made by `switchback schedule install`; `switchback schedule remove` takes it away";
const ABOUT: &str = "Judge this machine while a phase of switchback soaks";
/// Verdicts are no failures of the service: `systemctl --failed` and checks that count failed units would blame the
/// messenger. What is left are an internal error, a mistake, and a way back that did not hold.
const VERDICTS: &str = "10 11 12 14 15 20";

/// How a unit begins, up to its own section.
fn head(section: &str) -> Vec<String> {
    vec![
        format!("# {ORIGIN}."),
        "[Unit]".to_owned(),
        format!("Description={ABOUT}"),
        "Documentation=man:switchback-schedule(1)".to_owned(),
        String::new(),
        section.to_owned(),
    ]
}

/// `NAME.service`
#[must_use]
pub fn service_unit(timer: &Timer) -> String {
    let mut lines = head("[Service]");
    lines.extend(settings(timer).into_iter().map(|(key, value)| format!("{key}={value}")));
    text(lines)
}

/// `NAME.timer`
#[must_use]
pub fn timer_unit(timer: &Timer) -> String {
    let mut lines = head("[Timer]");
    lines.extend(clock(timer).into_iter().map(|(key, value)| format!("{key}={value}")));
    lines.extend([String::new(), "[Install]".to_owned(), "WantedBy=timers.target".to_owned()]);
    text(lines)
}

/// The same as a NixOS module.
#[must_use]
pub fn nix_module(timer: &Timer) -> String {
    let set = |pairs: Vec<(&'static str, String)>| -> Vec<String> {
        pairs.into_iter().map(|(key, value)| format!("      {key} = {};", nix_string(&value))).collect()
    };
    let below = if timer.user { "systemd.user" } else { "systemd" };
    let name = nix_string(&timer.name);
    let mut lines = vec![
        format!("# {ORIGIN}, and you this module."),
        "{".to_owned(),
        format!("  {below}.services.{name} = {{"),
        format!("    description = {};", nix_string(ABOUT)),
        "    serviceConfig = {".to_owned(),
    ];
    lines.extend(set(settings(timer)));
    lines.extend(["    };".to_owned(), "  };".to_owned(), format!("  {below}.timers.{name} = {{")]);
    lines.extend(["    wantedBy = [ \"timers.target\" ];".to_owned(), "    timerConfig = {".to_owned()]);
    lines.extend(set(clock(timer)));
    lines.extend(["    };".to_owned(), "  };".to_owned(), "}".to_owned()]);
    text(lines)
}

/// The same as a line of a crontab, where its fields can say when.
#[must_use]
pub fn cron_line(timer: &Timer) -> Option<String> {
    let when = timer.rhythm.cron.as_deref()?;
    // The command ends at a bare percent sign, also between quotes.
    let command = super::shell_words(&timer.argv).replace('%', "\\%");
    Some(format!("{when} {command}"))
}

fn settings(timer: &Timer) -> Vec<(&'static str, String)> {
    let mut settings = vec![
        ("Type", "oneshot".to_owned()),
        ("ExecStart", exec(&timer.argv)),
        ("SuccessExitStatus", VERDICTS.to_owned()),
        // A way back that has begun is not broken off, and a probe that eats memory does not take the runner with it.
        ("TimeoutStartSec", "infinity".to_owned()),
        ("TimeoutStopSec", "10min".to_owned()),
        ("KillMode", "mixed".to_owned()),
        ("OOMPolicy", "continue".to_owned()),
        ("StandardInput", "null".to_owned()),
    ];
    // No mount namespace, no hidden devices, no dropped rights: checks judge the machine as it is, and the way back may
    // have to write anywhere. What is left to take away from root:
    if !timer.user {
        settings.push(("KeyringMode", "private".to_owned()));
        settings.push(("RestrictRealtime", "true".to_owned()));
    }
    settings
}

fn clock(timer: &Timer) -> Vec<(&'static str, String)> {
    let often = timer.rhythm.every.is_some_and(|every| every < Span::seconds(600));
    vec![
        ("OnCalendar", timer.rhythm.calendar.replace('%', "%%")),
        ("RandomizedDelaySec", format!("{}s", timer.rhythm.delay.0 / 1_000)),
        ("AccuracySec", if often { "1s" } else { "1min" }.to_owned()),
        // One that was missed, since the machine was off, comes when it is on again.
        ("Persistent", "true".to_owned()),
    ]
}

/// The words of a command line as systemd reads them. The name of the program is taken as it is but for specifiers; in
/// what follows a dollar sign would begin a variable.
pub(super) fn exec(argv: &[String]) -> String {
    let quoted = argv.iter().enumerate().map(|(at, word)| {
        let mut out = String::from("\"");
        for c in word.chars() {
            match c {
                '"' | '\\' => out.extend(['\\', c]),
                '%' => out.push_str("%%"),
                '$' if at > 0 => out.push_str("$$"),
                '\n' => out.push_str("\\n"),
                '\t' => out.push_str("\\t"),
                '\r' => out.push_str("\\r"),
                c if c.is_ascii_control() => out.push_str(&format!("\\x{:02x}", u32::from(c))),
                c => out.push(c),
            }
        }
        out.push('"');
        out
    });
    quoted.collect::<Vec<_>>().join(" ")
}

pub(super) fn nix_string(text: &str) -> String {
    let safe = text.replace('\\', "\\\\").replace('"', "\\\"").replace("${", "\\${");
    format!("\"{}\"", safe.replace('\n', "\\n").replace('\r', "\\r").replace('\t', "\\t"))
}

fn text(lines: Vec<String>) -> String {
    lines.into_iter().map(|line| format!("{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Rhythm;

    fn timer(words: &[&str], user: bool) -> Timer {
        Timer {
            name: "switchback-validate".to_owned(),
            argv: words.iter().map(|word| (*word).to_owned()).collect(),
            rhythm: Rhythm::every(Span::seconds(3600)),
            user,
        }
    }

    const PLAIN: [&str; 5] =
        ["/usr/bin/switchback", "--state", "/var/lib/switchback", "validate", "--scheduled"];

    #[test]
    fn units_say_what_runs_when_and_who_made_them() {
        let service = service_unit(&timer(&PLAIN, false));
        assert!(service.starts_with("# made by `switchback schedule install`"), "{service}");
        let exec = "ExecStart=\"/usr/bin/switchback\" \"--state\" \"/var/lib/switchback\" \"validate\" \"--scheduled\"\n";
        assert!(service.contains(exec), "{service}");
        assert!(
            service.contains("\nTimeoutStartSec=infinity\n") && service.contains("\nKeyringMode="),
            "{service}"
        );
        let unit = timer_unit(&timer(&PLAIN, false));
        for line in [
            "OnCalendar=*-*-* *:00:00",
            "RandomizedDelaySec=300s",
            "Persistent=true",
            "WantedBy=timers.target",
        ] {
            assert!(unit.lines().any(|it| it == line), "{line}: {unit}");
        }
        let user = service_unit(&timer(&PLAIN, true));
        assert!(
            !user.contains("Keyring") && !user.contains("Realtime"),
            "a user manager has no right to: {user}"
        );
    }

    #[test]
    fn whatever_is_in_a_path_stays_one_word() {
        for (word, first, second) in [
            ("/a b", "\"/a b\"", "\"/a b\""),
            ("/100%", "\"/100%%\"", "\"/100%%\""),
            ("/$HOME", "\"/$HOME\"", "\"/$$HOME\""),
            ("/q\"q\\q'q", "\"/q\\\"q\\\\q'q\"", "\"/q\\\"q\\\\q'q\""),
            ("/n\nT\t\u{1}", "\"/n\\nT\\t\\x01\"", "\"/n\\nT\\t\\x01\""),
            ("/é;#", "\"/é;#\"", "\"/é;#\""),
        ] {
            let words = [word.to_owned(), word.to_owned()];
            assert_eq!(exec(&words), format!("{first} {second}"));
        }
    }

    #[test]
    fn nixos_is_told_the_same_in_its_own_language() {
        let module = nix_module(&timer(&["/run/x", "--state", "/a ${b} \"c\" 5%"], false));
        let exec = r#"      ExecStart = "\"/run/x\" \"--state\" \"/a $\${b} \\\"c\\\" 5%%\"";"#;
        assert!(module.contains("  systemd.services.\"switchback-validate\" = {\n"), "{module}");
        assert!(module.contains(exec), "{module}");
        assert!(module.contains("      OnCalendar = \"*-*-* *:00:00\";\n"), "{module}");
        assert!(nix_module(&timer(&PLAIN, true)).contains("  systemd.user.timers.\"switchback-validate\""));
    }

    #[test]
    fn cron_gets_a_line_where_it_can_say_when() {
        let line = cron_line(&timer(&["/usr/bin/switchback", "--state", "/a b/50%", "validate"], false));
        assert_eq!(line.as_deref(), Some("0 * * * * /usr/bin/switchback --state '/a b/50\\%' validate"));
        let written = Timer { rhythm: Rhythm::calendar("Mon,Fri 03:00"), ..timer(&PLAIN, false) };
        assert_eq!(cron_line(&written), None);
    }
}
