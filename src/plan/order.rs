//! The order in which everything comes after what it needs.

use std::collections::BTreeMap;

/// More cycles than this are not looked for.
const MOST: usize = 100;

/// Positions in an order that keeps what is written first first, or every cycle: its names, the first again at the end.
/// Of each the first name's need of the second is left out of account afterwards, so that no two are broken by taking
/// out the same. Names that are not there are left out of account too.
pub(super) fn ordered(items: &[(String, Vec<String>)]) -> Result<Vec<usize>, Vec<Vec<String>>> {
    // Of two of one name the second is to be called otherwise: who needs it means the first.
    let places: BTreeMap<&str, usize> =
        items.iter().enumerate().rev().map(|(at, (name, _))| (name.as_str(), at)).collect();
    let mut needs: Vec<Vec<usize>> = items
        .iter()
        .map(|(_, needs)| needs.iter().filter_map(|need| places.get(need.as_str()).copied()).collect())
        .collect();
    let name = |at: &usize| items.get(*at).map(|(name, _)| name.clone()).unwrap_or_default();
    let mut done = vec![false; items.len()];
    let mut order = Vec::with_capacity(items.len());
    let mut cycles = Vec::new();
    while order.len() < items.len() && cycles.len() < MOST {
        let ready = (0..items.len())
            .find(|at| !is_set(&done, *at) && of(&needs, *at).iter().all(|need| is_set(&done, *need)));
        if let Some(at) = ready {
            if let Some(flag) = done.get_mut(at) {
                *flag = true;
            }
            order.push(at);
            continue;
        }
        let way = cycle(items.len(), &needs, &done);
        let [first, second, ..] = way.as_slice() else { break };
        if let Some(needs) = needs.get_mut(*first) {
            needs.retain(|need| need != second);
        }
        cycles.push(way.iter().map(name).collect());
    }
    if cycles.is_empty() { Ok(order) } else { Err(cycles) }
}

fn is_set(done: &[bool], at: usize) -> bool {
    done.get(at).copied().unwrap_or(true)
}

fn of(needs: &[Vec<usize>], at: usize) -> &[usize] {
    needs.get(at).map_or(&[], Vec::as_slice)
}

/// Everything that is left waits for something that is left: following that leads into a cycle.
fn cycle(items: usize, needs: &[Vec<usize>], done: &[bool]) -> Vec<usize> {
    let mut way: Vec<usize> = Vec::new();
    let mut next = (0..items).find(|at| !is_set(done, *at));
    while let Some(at) = next {
        if let Some(start) = way.iter().position(|seen| *seen == at) {
            return way.iter().skip(start).copied().chain(Some(at)).collect();
        }
        way.push(at);
        next = of(needs, at).iter().copied().find(|need| !is_set(done, *need));
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(written: &[(&str, &[&str])]) -> Vec<(String, Vec<String>)> {
        written
            .iter()
            .map(|(name, needs)| ((*name).to_owned(), needs.iter().map(|n| (*n).to_owned()).collect()))
            .collect()
    }

    #[test]
    fn a_name_that_is_there_twice_hides_no_cycle_and_makes_none() {
        let cycle = ordered(&items(&[("a", &["b"]), ("b", &["a"]), ("a", &[])]));
        assert_eq!(cycle, Err(vec![vec!["a".to_owned(), "b".to_owned(), "a".to_owned()]]));
        assert_eq!(ordered(&items(&[("a", &[]), ("b", &["a"]), ("a", &["b"])])), Ok(vec![0, 1, 2]));
    }

    #[test]
    fn what_is_needed_comes_before_and_the_rest_stays_as_written() {
        let order = ordered(&items(&[("c", &["a"]), ("b", &[]), ("a", &[]), ("d", &["c", "gone"])]));
        assert_eq!(order, Ok(vec![1, 2, 0, 3]));
    }

    fn cycles(written: &[(&str, &[&str])]) -> Vec<String> {
        ordered(&items(written)).expect_err("a cycle").iter().map(|way| way.join(" ")).collect()
    }

    #[test]
    fn every_cycle_is_named_and_each_is_broken_elsewhere() {
        assert_eq!(cycles(&[("a", &[]), ("b", &["c"]), ("c", &["d"]), ("d", &["b"])]), ["b c d b"]);
        assert_eq!(cycles(&[("a", &["a"])]), ["a a"]);
        let apart: &[(&str, &[&str])] =
            &[("a", &["b"]), ("b", &["a"]), ("c", &["c"]), ("d", &["e"]), ("e", &["d", "a"]), ("f", &["e"])];
        assert_eq!(cycles(apart), ["a b a", "c c", "d e d"]);
        assert_eq!(cycles(&[("a", &["b"]), ("b", &["a", "c"]), ("c", &["b"])]), ["a b a", "b c b"]);
    }
}
