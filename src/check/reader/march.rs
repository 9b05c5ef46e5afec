//! What GCC calls a processor behind `-march=` (x86) and `-mcpu=` (ARM), from what `/proc/cpuinfo` says of it.
//!
//! The names are those that GCC itself finds for `native`: x86 by vendor, family and model as in its
//! `gcc/common/config/i386/cpuinfo.h`, ARM by implementer and part as in its `gcc/config/aarch64/aarch64-cores.def`.
//! Where those tables need a feature to tell two processors of one number apart, so does this one. A processor that is
//! not in them has no name here: a near one could hold instructions that it lacks.

/// What tells one processor from another, as the kernel prints it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::check) struct Identity<'a> {
    pub(in crate::check) vendor: Option<&'a str>,
    pub(in crate::check) family: Option<u32>,
    pub(in crate::check) model: Option<u32>,
    pub(in crate::check) implementer: Option<&'a str>,
    pub(in crate::check) part: Option<&'a str>,
    pub(in crate::check) flags: &'a [String],
}

impl<'a> Identity<'a> {
    /// The first processor of a listing whose flags were read already.
    pub(in crate::check) fn first(text: &'a str, flags: &'a [String]) -> Self {
        let first = |wanted: &str| {
            text.lines().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                (key.trim() == wanted).then(|| value.trim()).filter(|value| !value.is_empty())
            })
        };
        Self {
            vendor: first("vendor_id"),
            family: first("cpu family").and_then(|number| number.parse().ok()),
            model: first("model").and_then(|number| number.parse().ok()),
            implementer: first("CPU implementer"),
            part: first("CPU part"),
            flags,
        }
    }

    fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|known| known == flag)
    }

    /// GCC's name for it; nothing where its tables do not hold it.
    pub(in crate::check) fn march(&self) -> Option<&'static str> {
        match (self.vendor, self.implementer) {
            (Some("GenuineIntel"), _) => self.intel(),
            (Some("AuthenticAMD"), _) => self.amd(),
            (None, Some("0x41")) => self.arm(),
            (Some(_) | None, _) => None,
        }
    }

    fn intel(&self) -> Option<&'static str> {
        if self.family != Some(6) {
            return None;
        }
        Some(match self.model? {
            0x2a | 0x2d => "sandybridge",
            0x3a | 0x3e => "ivybridge",
            0x3c | 0x3f | 0x45 | 0x46 => "haswell",
            0x3d | 0x47 | 0x4f | 0x56 => "broadwell",
            0x4e | 0x5e | 0x8e | 0x9e | 0xa5 | 0xa6 => "skylake",
            0x55 if self.has("avx512_bf16") => "cooperlake",
            0x55 if self.has("avx512_vnni") => "cascadelake",
            0x55 => "skylake-avx512",
            0x6a | 0x6c => "icelake-server",
            0x7d | 0x7e | 0x9d => "icelake-client",
            0x8c | 0x8d => "tigerlake",
            0xa7 | 0xa8 => "rocketlake",
            0x97 | 0x9a | 0xb7 | 0xbf | 0xaa | 0xac => "alderlake",
            0x8f | 0xcf => "sapphirerapids",
            _ => return None,
        })
    }

    fn amd(&self) -> Option<&'static str> {
        Some(match (self.family?, self.model?) {
            (0x17, 0..=0x1f) => "znver1",
            (0x17, 0x30..) => "znver2",
            (0x19, 0..=0x0f) => "znver3",
            (0x19, 0x10..=0x1f | 0x60..=0xaf) => "znver4",
            (0x19, _) if self.has("avx512f") => "znver4",
            (0x19, _) if self.has("vaes") => "znver3",
            _ => return None,
        })
    }

    fn arm(&self) -> Option<&'static str> {
        Some(match self.part? {
            "0xd03" => "cortex-a53",
            "0xd05" => "cortex-a55",
            "0xd07" => "cortex-a57",
            "0xd08" => "cortex-a72",
            "0xd09" => "cortex-a73",
            "0xd0b" => "cortex-a76",
            "0xd0c" => "neoverse-n1",
            "0xd40" => "neoverse-v1",
            "0xd49" => "neoverse-n2",
            "0xd4f" => "neoverse-v2",
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_processor_has_the_name_that_gcc_gives_it_or_none() {
        for (text, flags, expected) in [
            (
                "vendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 94\nmodel name\t: A\n",
                "",
                Some("skylake"),
            ),
            ("vendor_id : GenuineIntel\ncpu family : 6\nmodel : 85\n", "avx512_vnni", Some("cascadelake")),
            ("vendor_id : GenuineIntel\ncpu family : 6\nmodel : 85\n", "avx512f", Some("skylake-avx512")),
            ("vendor_id : GenuineIntel\ncpu family : 6\nmodel : 254\n", "avx2", None),
            ("vendor_id : GenuineIntel\ncpu family : 15\nmodel : 94\n", "", None),
            ("vendor_id : AuthenticAMD\ncpu family : 23\nmodel : 113\n", "", Some("znver2")),
            ("vendor_id : AuthenticAMD\ncpu family : 25\nmodel : 33\n", "vaes", Some("znver3")),
            ("vendor_id : AuthenticAMD\ncpu family : 25\nmodel : 97\n", "avx512f", Some("znver4")),
            ("vendor_id : AuthenticAMD\ncpu family : 26\nmodel : 68\n", "avx512f", None),
            ("processor : 0\nCPU implementer : 0x41\nCPU part : 0xd08\n", "asimd", Some("cortex-a72")),
            ("processor : 0\nCPU implementer : 0x61\nCPU part : 0x022\n", "asimd", None),
            ("model name : A\n", "", None),
            ("", "", None),
        ] {
            let flags: Vec<String> = flags.split_whitespace().map(str::to_owned).collect();
            assert_eq!(Identity::first(text, &flags).march(), expected, "{text}");
        }
    }
}
