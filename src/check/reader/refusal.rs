//! Where a tool did not do its work: what shells say of a program that they do not find, and what tools say before they
//! give up.

use regex::Regex;
use serde::Serialize;
use std::sync::LazyLock;

/// Why there is nothing to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Failure {
    /// The tool itself could not be started.
    NotStarted,
    /// Whoever asked may not.
    PermissionDenied,
    /// The service behind the tool does not answer.
    ServiceUnreachable,
    /// This machine is not of the kind that the tool is for.
    NotOfThisKind,
    /// The tool says something else.
    Failed,
}

/// A failure as it was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Refusal {
    pub(super) failure: Failure,
    /// The line that says so.
    pub(super) error_text: String,
}

/// Longest line that is kept, in characters.
const LONGEST: usize = 400;

/// Words of a message, in lower case, and what they mean. The first that fits counts.
const WORDS: [(&str, Failure); 15] = [
    ("permission denied", Failure::PermissionDenied),
    ("must be root", Failure::PermissionDenied),
    ("executed as the root user", Failure::PermissionDenied),
    ("requires root", Failure::PermissionDenied),
    ("not authorized", Failure::PermissionDenied),
    ("cannot connect to", Failure::ServiceUnreachable),
    ("connection refused", Failure::ServiceUnreachable),
    ("timeout was reached", Failure::ServiceUnreachable),
    ("could not activate remote peer", Failure::ServiceUnreachable),
    ("failed to connect", Failure::ServiceUnreachable),
    ("not booted via", Failure::NotOfThisKind),
    ("not been booted with systemd", Failure::NotOfThisKind),
    ("\"systemd\" is not running in this container", Failure::NotOfThisKind),
    ("not deployed via", Failure::NotOfThisKind),
    ("not currently booted", Failure::NotOfThisKind),
];

impl Refusal {
    /// The first refusal that a text tells of: of a shell that does not find one of the tools, or of a tool.
    pub(super) fn of(text: &str, tools: &[&str]) -> Option<Self> {
        let line = |line: &str| {
            let lower = line.to_lowercase();
            let known = || WORDS.iter().find(|(words, _)| lower.contains(words)).map(|(_, failure)| *failure);
            let failure = if tools.iter().any(|tool| is_missing(line, tool)) {
                Failure::NotStarted
            } else if is_error(&lower, tools) {
                known().unwrap_or(Failure::Failed)
            } else {
                known().filter(|failure| *failure == Failure::NotOfThisKind)?
            };
            Some(Self { failure, error_text: line.trim().chars().take(LONGEST).collect() })
        };
        text.lines().find_map(line)
    }
}

/// `error: ...`, also behind the tool's name; in other locales the tools' own words stay English, and what is not
/// English is told by its shape.
fn is_error(lower: &str, tools: &[&str]) -> bool {
    let bare = lower.trim_start();
    let behind = tools.iter().find_map(|tool| bare.strip_prefix(tool)?.strip_prefix(": "));
    ["error: ", "error:\t", "fatal: ", "failed to "]
        .iter()
        .any(|start| bare.starts_with(start) || behind.is_some_and(|rest| rest.starts_with(start)))
        || bare == "error:"
        || lower.contains("usage error")
}

/// `bash: ligne 1 : vainfo : commande introuvable`: who, perhaps where, what, why, in whatever language.
#[expect(clippy::expect_used, reason = "a constant, and the tests use it")]
static SHELL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^\s*[^\s:]*(?:sh|sudo|env|busybox) ?: (?:[^\s:]{0,12} ?\d+ ?: )?([^:]+?) ?: ([^:]+)$")
        .expect("a constant pattern")
});

/// What stands behind the name of a program that is not there.
const BEHIND: [&str; 15] = [
    ": command not found",
    ": not found",
    ": no such file",
    ": inaccessible or not found",
    ": cannot execute",
    ": permission denied",
    " : command not found",
    " not found",
    " is not in your path",
    " is currently not installed",
    " is not installed",
    " is not recognized as",
    " is not a typo",
    " may be found in the following",
    " can be found in the following",
];

/// What stands before it.
const BEFORE: [&str; 6] = [
    "command not found: ",
    "unknown command: ",
    "unknown command ",
    "no such command: ",
    "which: no ",
    "unable to find command: ",
];

/// Whether a line says that this program cannot be started, in the words of any shell: bash, dash, zsh, fish, ksh,
/// busybox, csh, and what distributions let their shells say instead.
pub(super) fn is_missing(line: &str, tool: &str) -> bool {
    let quote = |c: char| matches!(c, '\'' | '"' | '`' | '‘' | '’' | '“' | '”');
    if let Some(found) = SHELL.captures(line.trim_end()) {
        let what = found.get(1).map_or("", |what| what.as_str()).trim_matches(quote);
        if what.rsplit('/').next() == Some(tool) {
            return true;
        }
    }
    let mut at = 0;
    while let Some(found) = line.get(at..).and_then(|rest| rest.find(tool)) {
        let (begin, end) = (at + found, at + found + tool.len());
        let before = line.get(..begin).unwrap_or_default().trim_end_matches(quote).to_lowercase();
        let after = line.get(end..).unwrap_or_default().trim_start_matches(quote).to_lowercase();
        let part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        let alone = !before.ends_with(part) && !after.starts_with(part);
        let ends = after.is_empty() || after.starts_with([' ', '\n', '.']);
        if alone
            && (BEHIND.iter().any(|words| after.starts_with(words))
                || (BEFORE.iter().any(|words| before.ends_with(words)) && ends))
        {
            return true;
        }
        at = end;
    }
    false
}

/// The system's words for a file that is not there, in lower case, as the C library is translated.
const ABSENT: [&str; 46] = [
    "no such file",
    "datei oder verzeichnis nicht gefunden",
    "aucun fichier ou dossier de ce type",
    "aucun fichier ou dossier de ce nom",
    "aucun fichier ou répertoire de ce type",
    "нет такого файла или каталога",
    "file o directory non esistente",
    "没有那个文件或目录",
    "沒有此一檔案或目錄",
    "no existe el fichero o el directorio",
    "no existe el archivo o el directorio",
    "ficheiro ou pasta inexistente",
    "ficheiro ou directoria inexistente",
    "arquivo ou diretório inexistente",
    "arquivo ou diretório não encontrado",
    "няма такога файла ці каталога",
    "няма такъв файл или директория",
    "el fitxer o directori no existeix",
    "adresář nebo soubor neexistuje",
    "ingen sådan fil eller filkatalog",
    "δεν υπάρχει τέτοιο αρχείο ή κατάλογος",
    "dosiero aŭ dosierujo ne ekzistas",
    "tiedostoa tai hakemistoa ei ole",
    "non hai tal ficheiro ou directorio",
    "nema takve datoteke ili direktorija",
    "nincs ilyen fájl vagy könyvtár",
    "necun tal file o directorio",
    "tidak ada berkas atau direktori seperti itu",
    "そのようなファイルやディレクトリはありません",
    "그런 파일이나 디렉터리가 없습니다",
    "그런 파일이나 디렉토리가 없습니다",
    "그런 파일이나 디렉터리가 없음",
    "toks failas ar aplankas neegzistuoja",
    "ingen slik fil eller filkatalog",
    "bestand of map bestaat niet",
    "nie ma takiego pliku ani katalogu",
    "nu există niciun astfel de fișier sau director",
    "adresár alebo súbor neexistuje",
    "datoteka ali imenik s tem imenom ne obstaja",
    "нема такве датотеке или директоријума",
    "filen eller katalogen finns inte",
    "böyle bir dosya ya da dizin yok",
    "немає такого файла або каталогу",
    "немає такого файлу або каталогу",
    "không có tập tin hoặc thư mục như vậy",
    "không có tập tin hoặc thư mục nào như vậy",
];

/// Whether these words of the system say that a file is not there (`ENOENT`).
pub(super) fn is_absent(words: &str) -> bool {
    let lower = words.trim().to_lowercase();
    ABSENT.iter().any(|known| lower.starts_with(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_says_in_its_own_words_that_a_program_is_not_there() {
        for line in [
            "bash: vainfo: command not found",
            "-bash: vainfo: command not found",
            "bash: line 1: vainfo: command not found",
            "bash: vainfo: command not found...",
            "bash: vainfo: Kommando nicht gefunden.",
            "bash: ligne 1 : vainfo : commande introuvable",
            "bash: /usr/bin/vainfo: No such file or directory",
            "sh: 1: vainfo: not found",
            "/bin/sh: 1: vainfo: not found",
            "-sh: vainfo: not found",
            "/bin/ash: vainfo: not found",
            "ksh: vainfo: not found [No such file or directory]",
            "mksh: vainfo: inaccessible or not found",
            "zsh: command not found: vainfo",
            "zsh:1: command not found: vainfo",
            "fish: Unknown command: vainfo",
            "fish: Unknown command 'vainfo'",
            "vainfo: Command not found.",
            "sudo: vainfo: command not found",
            "env: ‘vainfo’: No such file or directory",
            "timeout: failed to run command ‘vainfo’: No such file or directory",
            "The program 'vainfo' is not in your PATH. It is provided by several packages.",
            "The program ‘vainfo’ is currently not installed. You can install it by typing:",
            "Command 'vainfo' not found, but can be installed with:",
            "Command `vainfo` not found",
            "If 'vainfo' is not a typo you can use command-not-found to lookup the package",
            "'vainfo' is not recognized as an internal or external command,",
            "vainfo may be found in the following packages:",
            "which: no vainfo in (/usr/bin:/bin)",
        ] {
            assert!(is_missing(line, "vainfo"), "{line}");
        }
    }

    #[test]
    fn another_program_or_another_thing_that_is_missing_is_not_this_program() {
        for line in [
            "",
            "vainfo",
            "vainfo: VA-API version: 1.20 (libva 2.20.0)",
            "vainfo: Driver version: it is not found in the list",
            "bash: vdpauinfo: command not found",
            "bash: vainfo-all: command not found",
            "libva error: /usr/lib/dri/iHD_drv_video.so: not found",
            "Failed to open VDPAU backend libvdpau_x.so: cannot open shared object file: No such file or directory",
            "zsh: command not found: vainfo2",
        ] {
            assert!(!is_missing(line, "vainfo"), "{line}");
        }
    }

    #[test]
    fn a_refusal_has_a_class() {
        for (text, failure) in [
            ("error: path '/nix/store/x' is not valid\n", Failure::Failed),
            (
                "warning: x\nerror: cannot connect to socket at '/nix/y': Connection refused\n",
                Failure::ServiceUnreachable,
            ),
            ("error: opening lock file '/nix/var/x.lock': Permission denied\n", Failure::PermissionDenied),
            ("error: This system was not booted via libostree.\n", Failure::NotOfThisKind),
            ("System is not deployed via bootc.\n", Failure::NotOfThisKind),
            ("zsh: command not found: tool\n", Failure::NotStarted),
            ("tool: error: unknown option\n", Failure::Failed),
        ] {
            let seen = Refusal::of(text, &["tool"]).map(|refusal| refusal.failure);
            assert_eq!(seen, Some(failure), "{text}");
        }
        assert_eq!(Refusal::of("State: idle\nerrors: none\n", &["tool"]), None);
    }
}
