//! Programs that a distribution wraps: NixOS starts `.plasmashell-wrapped` where a person says `plasmashell`.

const END: &str = "-wrapped";
/// The kernel keeps so many bytes of a process's name (`TASK_COMM_LEN` without its end).
const NAME: usize = 15;

/// The name that a person would say, from a process's name as the kernel has it.
pub(super) fn unwrapped(comm: &str) -> &str {
    let Some(rest) = comm.strip_prefix('.') else { return comm };
    let ends = (1..=END.len()).rev().filter_map(|length| END.get(..length));
    // Only a name that fills its place may have lost a part of the end.
    let mut ends = ends.filter(|end| *end == END || comm.len() >= NAME);
    ends.find_map(|end| rest.strip_suffix(end)).unwrap_or(comm)
}

#[cfg(test)]
mod tests {
    use super::unwrapped;

    #[test]
    fn a_wrapped_program_goes_by_its_own_name_also_where_the_kernel_cut_it() {
        for (comm, name) in [
            (".plasmashell-wr", "plasmashell"),
            (".kwin_wayland-w", "kwin_wayland"),
            (".sway-wrapped", "sway"),
            ("sway", "sway"),
            (".hidden-w", ".hidden-w"),
            ("kwin_wayland_wr", "kwin_wayland_wr"),
        ] {
            assert_eq!(unwrapped(comm), name);
        }
    }
}
