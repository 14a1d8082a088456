use std::fmt::{self, Debug, Formatter};

use thiserror::Error;

/// A question that a forward pass asks between its layers: whether nobody waits for its answer any longer.
///
/// It is asked often and on any thread, so the answer should be at hand; after a first yes it should stay yes.
#[derive(Clone, Copy)]
pub struct Interrupt<'a>(Option<&'a (dyn Fn() -> bool + Sync)>);

/// A pass was not finished, as nobody waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("nobody waits for the answer any longer")]
pub struct Interrupted;

impl<'a> Interrupt<'a> {
    /// Somebody waits, however long it takes.
    pub const NEVER: Self = Self(None);

    /// Ends a pass soon after `gone` says yes.
    #[must_use]
    pub const fn new(gone: &'a (dyn Fn() -> bool + Sync)) -> Self {
        Self(Some(gone))
    }

    /// Asks.
    ///
    /// # Errors
    /// When nobody waits.
    pub fn check(self) -> Result<(), Interrupted> {
        match self.0 {
            Some(gone) if gone() => Err(Interrupted),
            _ => Ok(()),
        }
    }
}

impl Debug for Interrupt<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Some(_) => "Interrupt",
            None => "Interrupt::NEVER",
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::fmt::Debug;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::{Interrupt, Interrupted};

    /// How often `pass` asks on one thread. Whichever question is answered by yes, it is the last one, and `interrupted` knows
    /// the error that the pass ends with.
    pub(crate) fn questions<T: Debug, E: Debug>(
        pass: impl Fn(Interrupt<'_>) -> Result<T, E> + Sync,
        interrupted: impl Fn(&E) -> bool + Sync,
    ) -> usize {
        let run = |yes: usize| {
            let asked = AtomicUsize::new(0);
            let gone = || asked.fetch_add(1, Ordering::Relaxed) + 1 >= yes;
            let result = pass(Interrupt::new(&gone));
            (result, asked.into_inner())
        };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
        pool.unwrap().install(|| {
            let (result, all) = run(usize::MAX);
            assert!(result.is_ok(), "{result:?}");
            for yes in 1..=all {
                let (result, asked) = run(yes);
                let ended = result.as_ref().is_err_and(&interrupted);
                assert!(ended, "question {yes} of {all}: {result:?}");
                assert_eq!(asked, yes, "questions after a yes");
            }
            all
        })
    }

    #[test]
    fn it_says_what_it_was_told() {
        assert_eq!(Interrupt::NEVER.check(), Ok(()));
        assert_eq!(Interrupt::new(&|| false).check(), Ok(()));
        assert_eq!(Interrupt::new(&|| true).check(), Err(Interrupted));
    }
}
