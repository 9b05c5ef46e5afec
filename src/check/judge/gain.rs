//! Whether a number got better: the samples of before against those of now, with a confidence. Pure, and the same every
//! time.
//!
//! Two tools that are well understood. The rank test of Mann and Whitney decides, since it knows no distribution and is
//! not led astray by outliers: exactly where there are few samples and no ties, else by its normal approximation with
//! the correction for ties. The ratio of the medians says how much, with an interval from resampling (bootstrap, by a
//! generator with a fixed beginning).

use crate::model::Direction;

/// What is believed only with more confidence than this.
const CONFIDENCE: f64 = 0.95;
/// How often the samples are drawn again for the interval.
const DRAWS: usize = 2000;
/// Most samples of each side that are compared; of more, every so-manyth is taken.
const COMPARED: usize = 500;
/// Up to this many samples on each side the distribution is counted out.
const EXACT: usize = 20;

/// What the samples allow to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It got better.
    Better,
    /// It got worse.
    Worse,
    /// The samples overlap too much, or are too few.
    CannotTell,
}

impl Verdict {
    /// For people.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::CannotTell => "cannot tell",
        }
    }
}

/// Two sets of samples against each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Gain {
    /// Median of now by median of before.
    pub(super) ratio: f64,
    /// The interval in which the ratio lies with the confidence that is asked for.
    pub(super) interval: (f64, f64),
    /// What can be said.
    pub(super) verdict: Verdict,
    /// How sure it is that there is a difference at all, 0 to 1.
    pub(super) confidence: f64,
}

/// Compares them; `direction` says which way is better. Nothing where there are no samples, or where there is no ratio
/// since the median of before is not above zero.
pub(super) fn gain(before: &[f64], now: &[f64], direction: Direction) -> Option<Gain> {
    let (before, now) = (thinned(before), thinned(now));
    let ratio = ratio(&before, &now)?;
    let shift = shifted(&before, &now);
    let better = match direction {
        Direction::Lower | Direction::Either => shift.lower,
        Direction::Higher => !shift.lower,
    };
    let verdict = match (shift.is_believed(), direction, better) {
        (false, ..) => Verdict::CannotTell,
        // Where any change counts, none is for the better.
        (true, Direction::Either, _) | (true, Direction::Lower | Direction::Higher, false) => Verdict::Worse,
        (true, Direction::Lower | Direction::Higher, true) => Verdict::Better,
    };
    Some(Gain { ratio, interval: interval(&before, &now, ratio), verdict, confidence: shift.confidence })
}

/// What the samples say of a limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Within {
    /// True, false, or not to be told.
    pub(super) holds: Option<bool>,
    /// How sure it is on which side of the limit they lie, 0 to 1.
    pub(super) confidence: f64,
}

/// Whether now is at most `limit` times before (at least, where `below` is not asked).
pub(super) fn within(before: &[f64], now: &[f64], limit: f64, below: bool) -> Within {
    let scaled: Vec<f64> = thinned(before).iter().map(|x| x * limit).collect();
    let now = thinned(now);
    let shift = shifted(&scaled, &now);
    if shift.is_believed() {
        return Within { holds: Some(shift.lower == below), confidence: shift.confidence };
    }
    // Without any spread there is nothing to doubt.
    let one_value = |all: &[f64]| all.windows(2).all(|pair| matches!(pair, [a, b] if a.total_cmp(b).is_eq()));
    match (scaled.first(), now.first()) {
        (Some(x), Some(y)) if one_value(&scaled) && one_value(&now) => {
            Within { holds: Some(if below { y <= x } else { y >= x }), confidence: 1.0 }
        }
        (Some(_) | None, Some(_) | None) => Within { holds: None, confidence: shift.confidence },
    }
}

fn thinned(all: &[f64]) -> Vec<f64> {
    let step = all.len().div_ceil(COMPARED).max(1);
    all.iter().copied().filter(|x| x.is_finite()).step_by(step).collect()
}

/// The middle of sorted numbers.
pub(super) fn middle(sorted: &[f64]) -> Option<f64> {
    let half = sorted.len() / 2;
    let upper = *sorted.get(half)?;
    if sorted.len() % 2 == 1 {
        Some(upper)
    } else {
        Some(f64::midpoint(*sorted.get(half.checked_sub(1)?)?, upper))
    }
}

fn median(all: &[f64]) -> Option<f64> {
    let mut sorted = all.to_vec();
    sorted.sort_by(f64::total_cmp);
    middle(&sorted)
}

fn ratio(before: &[f64], now: &[f64]) -> Option<f64> {
    let (before, now) = (median(before)?, median(now)?);
    // To nothing at all it would be infinite.
    Some(now / before).filter(|ratio| ratio.is_finite() && before.is_sign_positive())
}

/// Which side is lower, and how surely.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Shift {
    lower: bool,
    confidence: f64,
}

impl Shift {
    fn is_believed(&self) -> bool {
        self.confidence > CONFIDENCE
    }
}

#[expect(clippy::cast_precision_loss, reason = "a few hundred samples")]
fn shifted(before: &[f64], now: &[f64]) -> Shift {
    let (n, m) = (before.len(), now.len());
    let mut all: Vec<(f64, bool)> =
        before.iter().map(|x| (*x, false)).chain(now.iter().map(|x| (*x, true))).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    // Equal values share the mean of their ranks.
    let (mut rank_sum, mut ties, mut at) = (0.0, 0.0, 0);
    for group in all.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq()) {
        let size = group.len();
        let rank = at as f64 + (size as f64 + 1.0) / 2.0;
        rank_sum += rank * group.iter().filter(|(_, is_now)| *is_now).count() as f64;
        ties += (size as f64).powi(3) - size as f64;
        at += size;
    }
    let (n_, m_) = (n as f64, m as f64);
    // How many pairs there are in which now is the greater one; ties count half.
    let greater = rank_sum - m_ * (m_ + 1.0) / 2.0;
    let mean = n_ * m_ / 2.0;
    let extreme = greater.min(n_ * m_ - greater);
    let p = if ties == 0.0 && n <= EXACT && m <= EXACT {
        exact(n, m, extreme)
    } else {
        let total = n_ + m_;
        let variance = n_ * m_ / 12.0 * (total + 1.0 - ties / (total * (total - 1.0)).max(1.0));
        // There is none where all values are one, or one side has none.
        if variance > 0.0 { two_sided((mean - extreme - 0.5).max(0.0) / variance.sqrt()) } else { 1.0 }
    };
    Shift { lower: greater < mean, confidence: 1.0 - p.clamp(0.0, 1.0) }
}

/// The probability of a count of pairs at least as extreme, both ways, by counting all arrangements.
#[expect(clippy::cast_precision_loss, reason = "at most 400 pairs")]
fn exact(n: usize, m: usize, extreme: f64) -> f64 {
    // ways[j][u]: arrangements of i of one side and j of the other with u such pairs, i growing.
    let pairs = n * m;
    let mut ways = vec![vec![0.0_f64; pairs + 1]; m + 1];
    for row in &mut ways {
        if let Some(none) = row.first_mut() {
            *none = 1.0;
        }
    }
    for _ in 0..n {
        let mut next = vec![vec![0.0_f64; pairs + 1]; m + 1];
        for j in 0..=m {
            for u in 0..=pairs {
                // The greatest of all is of the first side and beats all j, or of the second and is taken away.
                let first = u.checked_sub(j).and_then(|rest| ways.get(j)?.get(rest)).copied().unwrap_or(0.0);
                let second = j.checked_sub(1).and_then(|less| next.get(less)?.get(u)).copied().unwrap_or(0.0);
                if let Some(cell) = next.get_mut(j).and_then(|row| row.get_mut(u)) {
                    *cell = first + second;
                }
            }
        }
        ways = next;
    }
    let Some(counts) = ways.get(m) else { return 1.0 };
    let all: f64 = counts.iter().sum();
    let tail: f64 =
        counts.iter().enumerate().filter(|(u, _)| *u as f64 <= extreme).map(|(_, count)| count).sum();
    (2.0 * tail / all).min(1.0)
}

/// The probability of a normal deviate at least so far from the mean, both ways: erfc(z / sqrt 2), by the rational
/// approximation of Abramowitz and Stegun (7.1.26), good to seven digits.
fn two_sided(z: f64) -> f64 {
    let x = z / std::f64::consts::SQRT_2;
    let t = 1.0 / 0.327_591_1_f64.mul_add(x, 1.0);
    let series = [1.061_405_429, -1.453_152_027, 1.421_413_741, -0.284_496_736, 0.254_829_592];
    let sum = series.iter().fold(0.0_f64, |sum, factor| sum.mul_add(t, *factor));
    (sum * t * (-x * x).exp()).clamp(0.0, 1.0)
}

/// The middle share of the ratios of samples that are drawn again from the samples.
fn interval(before: &[f64], now: &[f64], point: f64) -> (f64, f64) {
    let mut draws = Draws(0x5EED_0F5A_117B_AC4B);
    let mut ratios: Vec<f64> = Vec::with_capacity(DRAWS);
    for _ in 0..DRAWS {
        let (then, current) = (draws.of(before), draws.of(now));
        ratios.extend(ratio(&then, &current));
    }
    ratios.sort_by(f64::total_cmp);
    let edge = ratios.len() / 40;
    let low = ratios.get(edge).copied().unwrap_or(point);
    let high = ratios.get(ratios.len().saturating_sub(edge + 1)).copied().unwrap_or(point);
    (low.min(point), high.max(point))
}

/// Steele, Lea and Flood's `splitmix64`.
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// As many as there are, each any of them.
    fn of(&mut self, all: &[f64]) -> Vec<f64> {
        let count = u64::try_from(all.len()).unwrap_or(u64::MAX).max(1);
        (0..all.len())
            .filter_map(|_| all.get(usize::try_from(self.next() % count).unwrap_or(0)).copied())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn clear_differences_are_told_and_overlaps_are_not() {
        let before = [10.0, 10.2, 9.9, 10.1, 10.3, 9.8];
        for (now, direction, verdict) in [
            ([5.0, 5.1, 4.9, 5.2, 5.3, 4.8], Direction::Lower, Verdict::Better),
            ([5.0, 5.1, 4.9, 5.2, 5.3, 4.8], Direction::Higher, Verdict::Worse),
            ([15.0, 15.1, 14.9, 15.2, 15.3, 14.8], Direction::Lower, Verdict::Worse),
            ([15.0, 15.1, 14.9, 15.2, 15.3, 14.8], Direction::Higher, Verdict::Better),
            ([15.0, 15.1, 14.9, 15.2, 15.3, 14.8], Direction::Either, Verdict::Worse),
            ([10.05, 10.15, 9.95, 10.25, 9.85, 10.0], Direction::Lower, Verdict::CannotTell),
        ] {
            let gain = gain(&before, &now, direction).expect("a gain");
            assert_eq!(gain.verdict, verdict, "{now:?} {gain:?}");
        }
    }

    #[test]
    fn three_samples_of_each_prove_nothing_and_five_may() {
        let (few, many) = ([1.0, 2.0, 3.0], [1.0, 2.0, 3.0, 4.0, 5.0]);
        let far = |all: &[f64]| all.iter().map(|x| x + 100.0).collect::<Vec<_>>();
        assert_eq!(gain(&few, &far(&few), Direction::Lower).expect("a gain").verdict, Verdict::CannotTell);
        let sure = gain(&many, &far(&many), Direction::Lower).expect("a gain");
        assert_eq!(sure.verdict, Verdict::Worse);
        // 2 of the 252 arrangements are as extreme.
        assert!((sure.confidence - (1.0 - 2.0 / 252.0)).abs() < 1e-12, "{sure:?}");
    }

    #[test]
    fn known_probabilities_come_out() {
        // The complementary error function, to the seven digits that are promised.
        for (z, p) in [
            (0.0, 1.0),
            (0.5, 0.617_075_08),
            (1.0, 0.317_310_51),
            (1.959_964, 0.05),
            (2.0, 0.045_500_26),
            (3.0, 0.002_699_80),
            (4.0, 0.000_063_34),
        ] {
            assert!((two_sided(z) - p).abs() < 3e-7, "{z}: {}", two_sided(z));
        }
        // Counted out: of the arrangements, those with so many pairs or fewer, both ways.
        for (n, m, pairs, p) in [
            (8, 8, 13.0, 0.049_883_449_883_449_89),
            (3, 5, 1.0, 0.071_428_571_428_571_42),
            (4, 6, 3.0, 0.066_666_666_666_666_67),
            (0, 4, 0.0, 1.0),
        ] {
            assert!((exact(n, m, pairs) - p).abs() < 1e-12, "{n} {m}: {}", exact(n, m, pairs));
        }
    }

    fn steps(count: u8, first: f64) -> Vec<f64> {
        (0..count).map(|x| f64::from(x) + first).collect()
    }

    #[test]
    fn up_to_twenty_samples_are_counted_out_and_more_are_approximated() {
        for (n, m, p) in [
            (20, 20, 0.000_155_115_476),
            (21, 20, 0.000_604_056_365),
            (20, 21, 0.000_182_002_218),
            (20, 5, 0.767_137_210_615),
            (21, 5, 0.896_471_479_235),
            (5, 21, 0.001_432_901_483),
        ] {
            let shift = shifted(&steps(n, 0.0), &steps(m, f64::from(n) * 0.4 + 0.5));
            assert!((1.0 - shift.confidence - p).abs() < 3e-7, "{n} {m} {shift:?}");
        }
    }

    #[test]
    fn equal_values_share_their_rank_and_narrow_the_distribution() {
        let (before, now) = ([1.0, 2.0, 2.0, 3.0, 3.0, 3.0, 4.0], [2.0, 3.0, 4.0, 4.0, 5.0, 5.0, 6.0, 7.0]);
        let shift = shifted(&before, &now);
        assert!((shift.confidence - (1.0 - 0.025_279_737)).abs() < 3e-7, "{shift:?}");
        assert!(!shift.lower);
        assert!(shifted(&now, &before).lower);
    }

    #[test]
    fn where_all_values_are_one_neither_side_is_lower_and_nothing_is_sure() {
        let nothing = Shift { lower: false, confidence: 0.0 };
        assert_eq!(shifted(&[4.0; 3], &[4.0; 5]), nothing);
        assert_eq!(shifted(&[4.0], &[4.0]), nothing);
        assert_eq!(shifted(&[], &[4.0]), nothing);
        assert_eq!(shifted(&[4.0], &[]), nothing);
        assert_eq!(shifted(&[], &[]), nothing);
    }

    #[test]
    fn what_is_believed_has_more_confidence_than_the_limit() {
        let sure = |confidence| Shift { lower: true, confidence }.is_believed();
        assert!(!sure(CONFIDENCE));
        assert!(sure(CONFIDENCE.next_up()));
    }

    #[test]
    fn draws_are_those_of_the_published_generator() {
        let mut draws = Draws(1_234_567);
        let first: [u64; 5] = std::array::from_fn(|_| draws.next());
        assert_eq!(
            first,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423,
                4_593_380_528_125_082_431,
                16_408_922_859_458_223_821,
            ]
        );
        assert_eq!(Draws(7).of(&[0.0, 1.0, 2.0, 3.0, 4.0]), [2.0, 4.0, 1.0, 3.0, 4.0]);
    }

    #[test]
    fn of_two_thousand_ratios_the_interval_leaves_out_fifty_at_each_end() {
        let before =
            [11.89, 10.42, 13.43, 10.93, 11.49, 14.23, 11.24, 12.91, 15.33, 9.71, 9.43, 10.6, 14.36, 13.31];
        let now = [8.19, 8.66, 7.89, 9.3, 7.21, 10.49, 11.48, 11.77, 10.67, 11.8, 7.09, 8.44, 11.83, 10.88];
        let (low, high) = interval(&before, &now, 0.85);
        // Worked out by another program.
        assert!((low - 0.645_099_540_581).abs() < 1e-9, "{low}");
        assert!((high - 1.006_843_455_945).abs() < 1e-9, "{high}");
        // What it is an interval of lies within it.
        assert_eq!((interval(&before, &now, 0.1).0, interval(&before, &now, 2.0).1), (0.1, 2.0));
    }

    #[test]
    fn of_many_samples_every_so_manyth_is_taken_and_of_few_each() {
        let many: Vec<f64> = (0_u16..1200).map(f64::from).collect();
        let third: Vec<f64> = (0_u16..400).map(|x| f64::from(x) * 3.0).collect();
        assert_eq!(thinned(&many), third);
        assert_eq!(thinned(&many[..500]), &many[..500]);
        assert_eq!(thinned(&[1.0, f64::NAN, 2.0, f64::INFINITY]), [1.0, 2.0]);
    }

    #[test]
    fn the_middle_is_one_value_or_lies_between_two() {
        for (sorted, due) in
            [(&[][..], None), (&[3.0], Some(3.0)), (&[1.0, 4.0], Some(2.5)), (&[1.0, 2.0, 9.0], Some(2.0))]
        {
            assert_eq!(middle(sorted), due);
        }
        assert_eq!(median(&[9.0, 1.0, 2.0, 4.0]), Some(3.0));
    }

    #[test]
    fn a_limit_holds_only_where_the_samples_prove_it() {
        let before = [10.0, 10.2, 9.9, 10.1, 10.3, 9.8];
        let scaled = |factor: f64| before.map(|x| x * factor);
        assert_eq!(within(&before, &scaled(0.5), 0.7, true).holds, Some(true));
        assert_eq!(within(&before, &scaled(0.9), 0.7, true).holds, Some(false));
        assert_eq!(within(&before, &scaled(0.7), 0.7, true).holds, None);
        assert_eq!(within(&before, &scaled(1.5), 1.2, false).holds, Some(true));
        assert_eq!(within(&[4.0; 3], &[4.0; 3], 1.0, true).holds, Some(true));
        assert_eq!(within(&[4.0; 3], &[5.0; 3], 1.0, true).holds, Some(false));
        assert_eq!(within(&[4.0; 3], &[4.0; 3], 1.0, false).holds, Some(true));
        assert_eq!(within(&[4.0; 3], &[3.0; 3], 1.0, false).holds, Some(false));
        assert_eq!(within(&[4.0; 3], &[5.0; 3], 1.0, false).holds, Some(true));
        // Where one of both varies, there is doubt.
        assert_eq!(within(&[4.0; 3], &[3.0, 5.0, 4.0], 1.0, true).holds, None);
        assert_eq!(within(&[3.0, 5.0, 4.0], &[4.0; 3], 1.0, true).holds, None);
        assert_eq!(within(&[], &[5.0], 1.0, true).holds, None);
    }

    #[test]
    fn there_is_no_ratio_to_nothing() {
        assert_eq!(gain(&[0.0, 0.0], &[1.0, 1.0], Direction::Lower), None);
        assert_eq!(gain(&[-1.0, -1.0], &[1.0, 1.0], Direction::Lower), None);
        assert_eq!(gain(&[f64::MIN_POSITIVE], &[f64::MAX], Direction::Lower), None);
        assert_eq!(gain(&[], &[1.0], Direction::Lower), None);
    }

    fn samples() -> impl Strategy<Value = Vec<f64>> {
        prop::collection::vec((1_u32..100_000).prop_map(|x| f64::from(x) / 16.0), 1..30)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

        #[test]
        fn what_is_better_one_way_is_worse_the_other_way(before in samples(), now in samples()) {
            let forth = gain(&before, &now, Direction::Lower).expect("a gain");
            let back = gain(&now, &before, Direction::Lower).expect("a gain");
            let turned = match back.verdict {
                Verdict::Better => Verdict::Worse,
                Verdict::Worse => Verdict::Better,
                Verdict::CannotTell => Verdict::CannotTell,
            };
            prop_assert_eq!(forth.verdict, turned);
            prop_assert!((forth.confidence - back.confidence).abs() < 1e-9);
            prop_assert!((forth.ratio * back.ratio - 1.0).abs() < 1e-9);
        }

        #[test]
        fn the_unit_does_not_matter_and_the_interval_holds_the_ratio(before in samples(), now in samples()) {
            let plain = gain(&before, &now, Direction::Lower).expect("a gain");
            let in_another = |all: &[f64]| all.iter().map(|x| x * 1024.0).collect::<Vec<_>>();
            let scaled = gain(&in_another(&before), &in_another(&now), Direction::Lower).expect("a gain");
            prop_assert_eq!(plain.verdict, scaled.verdict);
            prop_assert!((plain.confidence - scaled.confidence).abs() < 1e-9);
            prop_assert!(plain.interval.0 <= plain.ratio && plain.ratio <= plain.interval.1);
            prop_assert!((0.0..=1.0).contains(&plain.confidence));
        }

        #[test]
        fn nothing_changed_is_never_told_as_a_change(all in samples()) {
            prop_assert_eq!(gain(&all, &all, Direction::Lower).expect("a gain").verdict, Verdict::CannotTell);
        }

        #[test]
        fn samples_that_do_not_overlap_are_told_apart_from_five_on(all in samples()) {
            prop_assume!(all.len() >= 5);
            let far: Vec<f64> = all.iter().map(|x| x + 1e6).collect();
            prop_assert_eq!(gain(&all, &far, Direction::Higher).expect("a gain").verdict, Verdict::Better);
        }
    }
}
