//! How mistakes are planted in tests, to show that a property would catch each of them.
//!
//! A part of the crate lists its mistakes with [`mistakes!`] and asks `planted(Mistake::Name)` where it could be made. A test
//! runs a property under `plant(Mistake::Name, || ..)`, in its own thread, and expects it to fail. In every build but the
//! crate's own unit tests `planted` is the constant `false`, and nothing of it is left.
//!
//! Which property is there to catch which mistake is said in a [`table!`], whose tests fail for a mistake that is not caught or not
//! in it.

macro_rules! mistakes {
    ($($name:ident,)*) => {
        /// A mistake that somebody could make in this code.
        #[cfg_attr(not(test), allow(dead_code))]
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Mistake {
            $($name,)*
        }

        #[cfg(test)]
        impl Mistake {
            /// All of them.
            pub(crate) const ALL: &[Self] = &[$(Self::$name,)*];
        }

        #[cfg(not(test))]
        #[inline(always)]
        pub(crate) const fn planted(_: Mistake) -> bool {
            false
        }

        #[cfg(test)]
        pub(crate) use in_tests::{plant, planted};

        #[cfg(test)]
        mod in_tests {
            use std::cell::Cell;

            use super::Mistake;

            thread_local! {
                static PLANTED: Cell<Option<Mistake>> = const { Cell::new(None) };
            }

            /// Runs `body` with a mistake planted in this thread.
            pub(crate) fn plant<R>(mistake: Mistake, body: impl FnOnce() -> R) -> R {
                struct Restore;
                impl Drop for Restore {
                    fn drop(&mut self) {
                        PLANTED.set(None);
                    }
                }
                PLANTED.set(Some(mistake));
                let _restore = Restore;
                body()
            }

            pub(crate) fn planted(mistake: Mistake) -> bool {
                PLANTED.get() == Some(mistake)
            }
        }
    };
}

pub(crate) use mistakes;

/// The properties that must catch each mistake. `catch` runs one, and answers why it failed.
#[cfg(test)]
macro_rules! table {
    ($catch:expr; $($mistake:ident: $($property:path),+;)*) => {
        /// Each mistake, and a property that is there to catch it.
        pub(super) const TABLE: &[(Mistake, &str, Property)] =
            &[$($((Mistake::$mistake, stringify!($property), $property),)+)*];

        #[test]
        fn every_planted_mistake_is_caught() {
            let catch: fn(&Property) -> Option<String> = $catch;
            let mut missed = vec![];
            for (mistake, name, property) in TABLE {
                match plant(*mistake, || catch(property)) {
                    Some(reason) => println!(
                        "{mistake:?}: caught by {name}: {}",
                        reason.lines().next().unwrap_or("")
                    ),
                    None => missed.push(format!("{mistake:?} is not caught by {name}")),
                }
            }
            assert!(missed.is_empty(), "{missed:#?}");
        }

        #[test]
        fn every_mistake_is_in_the_table() {
            for mistake in Mistake::ALL {
                assert!(
                    TABLE.iter().any(|(planted, ..)| planted == mistake),
                    "{mistake:?}"
                );
            }
        }
    };
}

#[cfg(test)]
pub(crate) use table;

#[cfg(test)]
pub(crate) use in_tests::first_failure;

#[cfg(test)]
mod in_tests {
    use proptest::strategy::Strategy;
    use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};

    /// What is wrong in one of so many cases (`None`: as many as proptest is told), with the case, made as small as `shrinks` tries allow.
    pub(crate) fn first_failure<S: Strategy>(
        tries: Option<u32>,
        shrinks: u32,
        cases: &S,
        judge: impl Fn(S::Value) -> Result<(), String>,
    ) -> Option<String> {
        let config = Config::default();
        let config = Config {
            cases: tries.unwrap_or(config.cases),
            max_shrink_iters: shrinks,
            failure_persistence: None,
            ..config
        };
        let judge = |case| judge(case).map_err(TestCaseError::fail);
        match TestRunner::new(config).run(cases, judge) {
            Ok(()) => None,
            Err(TestError::Fail(reason, case)) => Some(format!("{reason}\n{case:#?}")),
            Err(TestError::Abort(reason)) => panic!("{reason}"),
        }
    }
}
