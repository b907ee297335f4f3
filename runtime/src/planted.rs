//! How mistakes are planted in tests, to show that a property would catch each of them.
//!
//! A part of the crate lists its mistakes with [`mistakes!`] and asks `planted(Mistake::Name)` where it could be made. A test
//! runs a property under `plant(Mistake::Name, || ..)`, in its own thread, and expects it to fail. In every build but the
//! crate's own unit tests `planted` is the constant `false`, and nothing of it is left.

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
