/// How far a model, or a task that needs several, is from answering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// In memory.
    Ready,
    /// On its way: being downloaded, or read from disk.
    Loading,
    /// On disk; the first request that needs it loads it.
    OnDemand,
    /// Not to be had; the text says why, and how to mend it.
    Unavailable(String),
}

/// What is known of a model, in memory or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelInfo {
    /// It is in memory, and its weights say of themselves that nobody trained them.
    pub untrained: bool,
    /// How far it is from answering.
    pub readiness: Readiness,
}

impl Readiness {
    /// Of what needs this and `other`: as far from answering as the one that is farther, with every reason.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Unavailable(one), Self::Unavailable(another)) => {
                Self::Unavailable(format!("{one}; {another}"))
            }
            (Self::Unavailable(reason), _) | (_, Self::Unavailable(reason)) => {
                Self::Unavailable(reason)
            }
            (Self::Loading, _) | (_, Self::Loading) => Self::Loading,
            (Self::OnDemand, _) | (_, Self::OnDemand) => Self::OnDemand,
            (Self::Ready, Self::Ready) => Self::Ready,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_several_models_waits_for_the_last_and_names_every_missing_one() {
        use Readiness::{Loading, OnDemand, Ready};
        let missing = |reason: &str| Readiness::Unavailable(reason.to_owned());
        let from_near_to_far = [Ready, OnDemand, Loading, missing("a")];
        for (i, one) in from_near_to_far.iter().enumerate() {
            for another in &from_near_to_far[..i] {
                assert_eq!(one.clone().and(another.clone()), *one);
                assert_eq!(another.clone().and(one.clone()), *one);
            }
        }
        assert_eq!(Ready.and(Ready), Ready);
        assert_eq!(missing("a").and(missing("b")), missing("a; b"));
    }
}
