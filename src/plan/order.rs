//! The order in which everything comes after what it needs.

use std::collections::BTreeMap;

/// Positions in an order that keeps what is written first first, or the names of a cycle, its first name again at the
/// end. Names that are not there are left out of account.
pub(super) fn ordered(items: &[(String, Vec<String>)]) -> Result<Vec<usize>, Vec<String>> {
    let places: BTreeMap<&str, usize> =
        items.iter().zip(0..).map(|((name, _), at)| (name.as_str(), at)).collect();
    let needs: Vec<Vec<usize>> = items
        .iter()
        .map(|(_, needs)| needs.iter().filter_map(|need| places.get(need.as_str()).copied()).collect())
        .collect();
    let mut done = vec![false; items.len()];
    let mut order = Vec::with_capacity(items.len());
    while order.len() < items.len() {
        let ready = (0..items.len())
            .find(|at| !is_set(&done, *at) && of(&needs, *at).iter().all(|need| is_set(&done, *need)));
        let Some(at) = ready else { return Err(cycle(items, &needs, &done)) };
        if let Some(flag) = done.get_mut(at) {
            *flag = true;
        }
        order.push(at);
    }
    Ok(order)
}

fn is_set(done: &[bool], at: usize) -> bool {
    done.get(at).copied().unwrap_or(true)
}

fn of(needs: &[Vec<usize>], at: usize) -> &[usize] {
    needs.get(at).map_or(&[], Vec::as_slice)
}

/// Everything that is left waits for something that is left: following that leads into a cycle.
fn cycle(items: &[(String, Vec<String>)], needs: &[Vec<usize>], done: &[bool]) -> Vec<String> {
    let name = |at: usize| items.get(at).map(|(name, _)| name.clone()).unwrap_or_default();
    let mut way: Vec<usize> = Vec::new();
    let mut next = (0..items.len()).find(|at| !is_set(done, *at));
    while let Some(at) = next {
        if let Some(start) = way.iter().position(|seen| *seen == at) {
            return way.iter().skip(start).copied().chain(Some(at)).map(name).collect();
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
    fn what_is_needed_comes_before_and_the_rest_stays_as_written() {
        let order = ordered(&items(&[("c", &["a"]), ("b", &[]), ("a", &[]), ("d", &["c", "gone"])]));
        assert_eq!(order, Ok(vec![1, 2, 0, 3]));
    }

    #[test]
    fn a_cycle_is_named() {
        let order = ordered(&items(&[("a", &[]), ("b", &["c"]), ("c", &["d"]), ("d", &["b"])]));
        assert_eq!(order, Err(["b", "c", "d", "b"].map(str::to_owned).to_vec()));
        assert_eq!(ordered(&items(&[("a", &["a"])])), Err(["a", "a"].map(str::to_owned).to_vec()));
    }
}
