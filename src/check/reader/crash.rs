//! What shells say of a program that a signal ended: bash, dash, zsh, fish, ksh and csh, with the words of the C library
//! and of bash in every language that they are translated into.

use regex::Regex;
use std::sync::LazyLock;

/// Words for a signal, in lower case, with its number. Each as a whole: what stands before it says where, what follows
/// that a core was kept, or which command it was.
const WORDS: [(i32, &str); 5] = [
    (
        11,
        "segmentation fault|segmentation violation|memory fault|address boundary error|speicherzugriffsfehler|\
         adressierungsfehler|erreur de segmentation|violación de segmento|violació de segment|fallo de segmento|\
         errore di segmentazione|falha de segmentação|falta de segmentação|eroare de segmentare|\
         ошибка сегментирования|ошибка сегментации|помилка адресування|помилка сегментації|збой сэгмэнтацыі|\
         нарушение на разделянето(segfault)|грешка в разделянето|неуспех сегментације|segmentatiefout|\
         segmenteringsfel|segmentfejl|segmenteringsfejl|segmenteringsfeil|minnesegmentsfeil|muistialueen ylitys|\
         naruszenie ochrony pamięci|neoprávněný přístup do paměti (sigsegv)|chyba segmentace|chyba segmentácie|\
         napaka segmentacije|segmentacijska greška|segmentacijska pogreška|szegmentálási hiba|szegmenshiba|\
         parçalama arızası|bölünme hatası|σφάλμα κατάτμησης (segmentation fault)|σφάλμα κατάτμησης|\
         kerusakan segmentasi|kesalahan segmentasi|segmentavimo klaida|segmentacijos klaida|lỗi phân đoạn|\
         adres-eraro|adreseraro|fabht deighilte|段错误|程式記憶體區段錯誤|記憶體區段錯誤|\
         セグメンテーションフォルト|セグメンテーション違反です|세그멘테이션 오류|세그먼테이션 오류|세그멘테이션 결함",
    ),
    (
        6,
        "aborted|abort|abgebrochen|abandon|abortado|annullato|abgebrochen (sigabrt)|avortat|afgebroken|\
         avbruten (sigabrt)|avbruten|avbrutt (sigabrt)|afbrudt (sigabrt)|afbrudt|keskeytetty|przerwane|\
         neúspěšně ukončen (sigabrt)|zrušené|prekinjen|prekid|прекинуто|прекъснат|аварийный останов|\
         аварийное завершение|перервано|félbeszakítva|iptal edildi|i̇ptal edildi|ακυρώθηκε|dibatalkan|\
         nutraukta (aborted)|bị hủy bỏ|abortita|已放弃|已中止|中止|중지됨|취소됨",
    ),
    (
        7,
        "bus error|bus-zugriffsfehler|busfehler|erreur du bus|erreur de bus|error del bus|error de bus|\
         errore di bus|erro de bus|erro no barramento|erro no bus de datos|ошибка шины|помилка каналу обміну даними|\
         busfout|bussfel|bussfeil|busfejl|väylävirhe|błąd szyny|chyba na sběrnici (neplatná adresa) (sigbus)|\
         chyba na zbernici|napaka vodila|sabirnička greška|грешка сабирнице|busz hiba|veri yolu hatası|\
         lỗi bus|总线错误|匯流排錯誤|バスエラー|버스 오류",
    ),
    (
        4,
        "illegal instruction|illegal hardware instruction|ungültiger maschinenbefehl|instruction non permise|\
         instruction illégale|instrucción ilegal|instrucción non permitida|la instrucció no és permesa|\
         istruzione non consentita|istruzione illegale|instrução ilegal|недопустимая инструкция|\
         помилкова інструкція|неисправна инструкција|незаконна инструкция|ongeldige instructie|\
         otillåten instruktion|ulovlig instruksjon (sigill)|ulovlig instruktion (sigill)|virheellinen käsky|\
         błędna instrukcja|nedovolená instrukce (sigill)|neprípustná inštrukcia|nedovoljen ukaz|\
         nepropisna instrukcija|érvénytelen utasítás|yönerge kuraldışı|chỉ lệnh không hợp lệ|非法指令|無效指令|\
         명령어가 잘못됨",
    ),
    (
        8,
        "floating point exception|gleitkomma-ausnahme|exception en point flottant|excepción de coma flotante|\
         excepción de coma frotante|excepció de coma flotant|eccezione in virgola mobile|\
         exceção de ponto flutuante|excepção de vírgula flutuante|исключение в операции с плавающей точкой|\
         помилка обчислень з рухомою комою|drijvendekomma-berekeningsfout|flyttalsfel|liukulukupoikkeus|\
         błąd w obliczeniach zmiennoprzecinkowych|浮点数例外|浮點數例外|浮動小数点例外|부동 소수점 예외",
    ),
];

/// Signals by name, as fish and the kernel's manual write them.
const NAMES: [(&str, i32); 8] = [
    ("SIGILL", 4),
    ("SIGTRAP", 5),
    ("SIGABRT", 6),
    ("SIGBUS", 7),
    ("SIGFPE", 8),
    ("SIGKILL", 9),
    ("SIGSEGV", 11),
    ("SIGSYS", 31),
];

#[expect(clippy::expect_used, reason = "constants, and the tests use each")]
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern")
}

/// `fish: Job 1, 'vainfo' terminated by signal SIGSEGV (Address boundary error)`
static BY_NAME: LazyLock<Regex> = LazyLock::new(|| pattern(r"^fish: .*\b(SIG[A-Z]+)\b"));
/// `zsh: `, `./run.sh: line 3: 1234 `, `bash: Zeile 1:  77 `, `[1]  + 4711 `: a shell, a place in its script, a job, a
/// process, in this order. Each may be missing.
static BEFORE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"^(?:\S{1,200}: ?)?(?:[^\s:\d]{0,20} ?\d+ ?[^\s:\d]{0,20} ?(?:[^\s:\d]{1,20} ?)?[:：] ?)?",
        r"\s*(?:\[\d+\]\s*[-+]?\s*)?(?:\d+:?\s+)?$"
    ))
});

/// The signal that ended a program, where a line says so.
pub(super) fn signal(line: &str) -> Option<i32> {
    let line = line.trim();
    // Nothing that a shell says of this is longer, but for the command at its end.
    if line.len() > 4096 {
        return None;
    }
    if let Some(found) = BY_NAME.captures(line) {
        let name = found.get(1).map_or("", |name| name.as_str());
        return NAMES.iter().find(|(known, _)| *known == name).map(|(_, signal)| *signal);
    }
    let lower = line.to_lowercase();
    WORDS
        .iter()
        .find_map(|(signal, words)| words.split('|').any(|words| told(&lower, words)).then_some(*signal))
}

/// Whether the line is about this and nothing else.
fn told(lower: &str, words: &str) -> bool {
    lower.match_indices(words).any(|(at, _)| {
        let (before, after) =
            (lower.get(..at).unwrap_or_default(), lower.get(at + words.len()..).unwrap_or_default());
        let core = after.trim_start().starts_with(['(', '（']);
        // Behind a process the command follows.
        let numbered = before.trim_end().ends_with(|c: char| c.is_ascii_digit());
        let apart = after.starts_with(char::is_whitespace);
        let of_zsh = before.trim_end().starts_with("zsh:");
        let ends = after.trim_matches(['.', ' ']).is_empty() || core || (apart && (numbered || of_zsh));
        ends && BEFORE.is_match(before)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_says_in_its_own_words_that_a_signal_ended_a_program() {
        for (line, number) in [
            ("Segmentation fault", 11),
            ("Segmentation fault (core dumped)", 11),
            ("Segmentation fault      (core dumped) vainfo", 11),
            ("bash: line 1: 12345 Segmentation fault      (core dumped) vainfo", 11),
            ("./run.sh: line 3:    77 Segmentation fault      vainfo --display drm", 11),
            ("./run.sh: Zeile 3:    77 Speicherzugriffsfehler  (Speicherabzug geschrieben) vainfo", 11),
            ("./run.sh: ligne 3 :    77 Erreur de segmentation  (core dumped) vainfo", 11),
            ("./run.sh: 第 3 行：    77 段错误               （核心已转储） vainfo", 11),
            ("./run.sh: 3. sor:    77 Szegmenshiba vainfo", 11),
            ("[1]    4711 segmentation fault (core dumped)  vainfo", 11),
            ("[1]  + 4711 segmentation fault  vainfo", 11),
            ("zsh: segmentation fault (core dumped)  vainfo", 11),
            ("zsh: abort (core dumped)  vainfo", 6),
            ("zsh: abort      vainfo", 6),
            ("fish: Job 1, 'vainfo' terminated by signal SIGSEGV (Address boundary error)", 11),
            ("fish: “vainfo” terminated by signal SIGABRT (Abort)", 6),
            ("ksh: 4711: Memory fault(coredump)", 11),
            ("Aborted", 6),
            ("Aborted (core dumped)", 6),
            ("Abgebrochen (Speicherabzug geschrieben)", 6),
            ("Speicherzugriffsfehler (Speicherabzug geschrieben)", 11),
            ("Violación de segmento (`core' generado)", 11),
            ("Falha de segmentação (imagem do núcleo gravada)", 11),
            ("Errore di segmentazione (core dump creato)", 11),
            ("Ошибка сегментирования (образ памяти сброшен на диск)", 11),
            ("段错误 (核心已转储)", 11),
            ("已放弃（核心已转储）", 6),
            ("Naruszenie ochrony pamięci (zrzut pamięci)", 11),
            ("Neoprávněný přístup do paměti (SIGSEGV) (core dumped [obraz paměti uložen])", 11),
            ("Bus error", 7),
            ("Illegal instruction (core dumped)", 4),
            ("Ungültiger Maschinenbefehl", 4),
        ] {
            assert_eq!(signal(line), Some(number), "{line}");
        }
    }

    #[test]
    fn a_line_that_only_holds_such_a_word_is_none() {
        for line in [
            "",
            "vainfo: Driver version: Mesa",
            "It was aborted by me yesterday",
            "I get a segmentation fault when I run this",
            "libva info: segmentation fault handler installed",
            "Abandoned",
            "Main process exited, code=dumped",
            "abort-on-error: no",
        ] {
            assert_eq!(signal(line), None, "{line}");
        }
    }
}
