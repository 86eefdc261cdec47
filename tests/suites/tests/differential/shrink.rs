//! Makes a failing round small: fewer steps that still end in a disagreement over the same command.

use crate::plan::Step;
use crate::run::Divergence;

/// Replays that one failure may cost.
const MOST_REPLAYS: usize = 400;

/// A smaller round, and how it fails. `replay` plays a round from the beginning.
pub fn shrink(
    steps: &[Step],
    found: Divergence,
    mut replay: impl FnMut(&[Step]) -> Option<Divergence>,
) -> (Vec<Step>, Divergence) {
    let until = steps.len().min(found.step + 1);
    let mut smallest = Failing { steps: separate(&steps[..until]), found, left: MOST_REPLAYS };
    let separated = smallest.steps.clone();
    if !smallest.try_instead(separated, &mut replay) {
        // It fails only as a pipeline: keep the batches whole.
        smallest.steps = steps[..until].to_vec();
    }
    let mut chunk = smallest.steps.len() / 2;
    while chunk > 0 {
        smallest.without_chunks(chunk, &mut replay);
        chunk /= 2;
    }
    (smallest.steps, smallest.found)
}

/// Each command in a batch of its own.
fn separate(steps: &[Step]) -> Vec<Step> {
    let one_by_one = |step: &Step| match step {
        Step::Wait => vec![Step::Wait],
        Step::Batch { connection, requests } => requests
            .iter()
            .map(|request| Step::Batch { connection: *connection, requests: vec![request.clone()] })
            .collect(),
    };
    steps.iter().flat_map(one_by_one).collect()
}

struct Failing {
    steps: Vec<Step>,
    found: Divergence,
    left: usize,
}

impl Failing {
    fn without_chunks(&mut self, chunk: usize, replay: &mut impl FnMut(&[Step]) -> Option<Divergence>) {
        let mut start = self.steps.len().saturating_sub(chunk);
        while self.left > 0 {
            let end = (start + chunk).min(self.steps.len());
            let candidate = [&self.steps[..start], &self.steps[end..]].concat();
            self.try_instead(candidate, replay);
            if start == 0 {
                return;
            }
            start = start.saturating_sub(chunk).min(self.steps.len());
        }
    }

    fn try_instead(
        &mut self,
        candidate: Vec<Step>,
        replay: &mut impl FnMut(&[Step]) -> Option<Divergence>,
    ) -> bool {
        self.left = self.left.saturating_sub(1);
        let Some(found) = replay(&candidate).filter(|found| found.command == self.found.command) else {
            return false;
        };
        let until = candidate.len().min(found.step + 1);
        (self.steps, self.found) = (candidate[..until].to_vec(), found);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Request;

    fn step(word: &str) -> Step {
        let request = Request { argv: vec![word.as_bytes().to_vec()], inline: false };
        Step::Batch { connection: 0, requests: vec![request] }
    }

    /// "bad" fails once "cause" came before it.
    fn replay(steps: &[Step]) -> Option<Divergence> {
        let at = |word: &str| steps.iter().position(|s| *s == step(word));
        let (cause, bad) = (at("cause")?, at("bad")?);
        let text = String::new;
        (cause < bad).then(|| Divergence {
            step: bad,
            asked: text(),
            command: "BAD".into(),
            ours: text(),
            genuine: text(),
        })
    }

    #[test]
    fn only_cause_and_effect_are_left() {
        let mut steps: Vec<Step> = (0..50).map(|i| step(&i.to_string())).collect();
        steps.insert(20, step("cause"));
        steps.insert(40, step("bad"));
        let found = replay(&steps).expect("it fails");
        let (small, _) = shrink(&steps, found, replay);
        assert_eq!(small, [step("cause"), step("bad")]);
    }
}
