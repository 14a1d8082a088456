//! Beam search as transformers does it with `early_stopping=True` and a length penalty of 1: the same texts, token for token.
//!
//! Upstream: transformers 5.24, `GenerationMixin._beam_search` in `generation/utils.py`. With one beam it is greedy search.

use std::cmp::Ordering;

use kernels::{Isa, log_sum_exp};
use rayon::prelude::*;

/// The search for one text.
#[derive(Debug)]
pub(super) struct BeamSearch {
    beams: usize,
    /// Most tokens of a text, those it started with and the end included.
    max_length: usize,
    /// Tokens that every text starts with.
    prompt_length: usize,
    /// The token that ends a text.
    end: u32,
    /// Best first; their scores are sums of logarithms of probabilities.
    running: Vec<Hypothesis>,
    /// Best first; their scores are means over the tokens that were added.
    finished: Vec<Hypothesis>,
}

/// A text that may be the answer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Hypothesis {
    pub(super) tokens: Vec<u32>,
    /// Index of the running text that it continues, before the last step.
    pub(super) parent: usize,
    score: f32,
}

/// A running text and the token that might come next.
#[derive(Clone, Copy, Debug)]
struct Continuation {
    parent: usize,
    token: u32,
    score: f32,
}

impl BeamSearch {
    pub(super) fn new(prompt: Vec<u32>, beams: usize, max_length: usize, end: u32) -> Self {
        let prompt_length = prompt.len();
        let start = Hypothesis {
            tokens: prompt,
            parent: 0,
            score: 0.0,
        };
        let (running, finished) = if prompt_length < max_length {
            (vec![start], Vec::new())
        } else {
            (Vec::new(), vec![start])
        };
        Self {
            beams,
            max_length,
            prompt_length,
            end,
            running,
            finished,
        }
    }

    /// The texts to be continued, best first; none when the search is over.
    pub(super) fn running(&self) -> &[Hypothesis] {
        &self.running
    }

    /// Takes one step. `logits` has a row of scores, one for each token there is, for every running text.
    pub(super) fn advance(&mut self, logits: &[f32], isa: Isa) {
        let candidates = self.candidates(logits, isa);
        let length = self.running.first().map_or(0, |text| text.tokens.len()) + 1;
        let ends =
            |candidate: &Continuation| candidate.token == self.end || length >= self.max_length;
        let added = (length - self.prompt_length) as f32;
        let finished: Vec<_> = candidates
            .iter()
            // A text that ends counts only if it is among the best; the others merely make up the numbers.
            .take(self.beams)
            .filter(|candidate| ends(candidate))
            .map(|candidate| Hypothesis {
                score: candidate.score / added,
                ..self.continued(candidate)
            })
            .collect();
        let running = candidates.iter().filter(|candidate| !ends(candidate));
        let running: Vec<_> = running
            .take(self.beams)
            .map(|candidate| self.continued(candidate))
            .collect();
        self.finished.extend(finished);
        self.finished.sort_by(|a, b| descending(a.score, b.score));
        self.finished.truncate(self.beams);
        // With as many finished texts as beams it stops early.
        let enough = self.finished.len() >= self.beams;
        self.running = if enough { Vec::new() } else { running };
    }

    /// The best text.
    pub(super) fn into_best(self) -> Vec<u32> {
        let best = self.finished.into_iter().chain(self.running).next();
        best.map(|text| text.tokens).unwrap_or_default()
    }

    /// Twice as many as there are beams, best first: so many do not all end.
    fn candidates(&self, logits: &[f32], isa: Isa) -> Vec<Continuation> {
        let (most, vocabulary) = (2 * self.beams, logits.len() / self.running.len().max(1));
        let rows: Vec<_> = logits.chunks_exact(vocabulary).enumerate().collect();
        let mut all: Vec<_> = rows
            .into_par_iter()
            .flat_map_iter(|(parent, row)| {
                let normaliser = log_sum_exp(isa, row);
                let start = self.running[parent].score;
                let best = best_of(row, most).into_iter();
                best.map(move |token| Continuation {
                    parent,
                    token,
                    score: row[token as usize] - normaliser + start,
                })
            })
            .collect();
        // Stable, so that of equals the better text's comes first.
        all.sort_by(|a, b| descending(a.score, b.score));
        all.truncate(most);
        all
    }

    fn continued(&self, candidate: &Continuation) -> Hypothesis {
        let before = &self.running[candidate.parent].tokens;
        let mut tokens = Vec::with_capacity(before.len() + 1);
        tokens.extend_from_slice(before);
        tokens.push(candidate.token);
        Hypothesis {
            tokens,
            parent: candidate.parent,
            score: candidate.score,
        }
    }
}

fn descending(a: f32, b: f32) -> Ordering {
    b.total_cmp(&a)
}

/// Indices of the `most` largest numbers, largest first; of equals the earlier first.
fn best_of(row: &[f32], most: usize) -> Vec<u32> {
    let mut best: Vec<u32> = Vec::with_capacity(most + 1);
    let mut least = f32::NEG_INFINITY;
    for (index, &x) in row.iter().enumerate() {
        if best.len() == most && x <= least {
            continue;
        }
        let at = best.partition_point(|&better| row[better as usize] >= x);
        best.insert(at, index as u32);
        best.truncate(most);
        if let Some(&last) = best.last() {
            least = row[last as usize];
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: u32 = 0;

    /// A network whose next token depends on the last one alone: `probabilities[last][next]`.
    fn search(
        beams: usize,
        max_length: usize,
        probabilities: impl Fn(u32) -> [f32; 4],
    ) -> (Vec<u32>, usize) {
        let mut search = BeamSearch::new(vec![3], beams, max_length, END);
        let mut steps = 0;
        while !search.running().is_empty() {
            let last = search
                .running()
                .iter()
                .map(|text| *text.tokens.last().unwrap());
            let logits: Vec<f32> = last
                .flat_map(|last| probabilities(last).map(f32::ln))
                .collect();
            search.advance(&logits, Isa::detect());
            steps += 1;
        }
        (search.into_best(), steps)
    }

    #[test]
    fn one_beam_is_greedy() {
        let next = |last| match last {
            3 => [0.1, 0.5, 0.4, 0.0],
            1 => [0.3, 0.0, 0.7, 0.0],
            _ => [0.9, 0.1, 0.0, 0.0],
        };
        assert_eq!(search(1, 9, next), (vec![3, 1, 2, END], 3));
        assert_eq!(search(1, 3, next), (vec![3, 1, 2], 2));
    }

    #[test]
    fn two_beams_find_what_greedy_search_passes_by() {
        // 1 looks better, but nothing good follows it.
        let next = |last| match last {
            3 => [0.05, 0.5, 0.45, 0.0],
            1 => [0.26, 0.25, 0.25, 0.24],
            _ => [0.97, 0.01, 0.01, 0.01],
        };
        assert_eq!(search(1, 9, next).0[1], 1);
        assert_eq!(search(2, 9, next).0, [3, 2, END]);
    }

    #[test]
    fn an_end_that_is_not_among_the_best_is_no_answer() {
        // The end is third of four candidates: with two beams it neither finishes nor goes on.
        let next = |last| match last {
            3 => [0.2, 0.45, 0.35, 0.0],
            _ => [0.98, 0.01, 0.005, 0.005],
        };
        let (text, _) = search(2, 9, next);
        assert_eq!(text, [3, 1, END]);
    }

    #[test]
    fn it_stops_when_every_beam_has_an_end_and_the_mean_decides() {
        let next = |last| match last {
            3 => [0.4, 0.6, 0.0, 0.0],
            1 => [0.5, 0.0, 0.5, 0.0],
            _ => [0.9, 0.1, 0.0, 0.0],
        };
        // ln 0.4 / 1 = -0.92 is worse than (ln 0.6 + ln 0.5) / 2 = -0.60.
        assert_eq!(search(2, 9, next), (vec![3, 1, END], 2));
    }

    #[test]
    fn a_limit_that_the_prompt_reaches_adds_nothing() {
        let search = BeamSearch::new(vec![3, 1], 4, 2, END);
        assert!(search.running().is_empty());
        assert_eq!(search.into_best(), [3, 1]);
    }

    #[test]
    fn of_equal_numbers_the_earlier_comes_first() {
        assert_eq!(best_of(&[1.0, 3.0, 2.0, 3.0, 2.0, 5.0], 4), [5, 1, 3, 2]);
        assert_eq!(best_of(&[1.0, 1.0], 4), [0, 1]);
        assert_eq!(best_of(&[f32::NEG_INFINITY; 3], 2), [0, 1]);
    }
}
