//! Patterns of names: `*` for any letters, `?` for one.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

/// A pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Glob(Vec<char>);

impl FromStr for Glob {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.chars().collect()))
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|c| write!(f, "{c}"))
    }
}

impl Glob {
    /// Whether the whole name is as the pattern says.
    pub(in crate::cli) fn takes(&self, name: &str) -> bool {
        let name: Vec<char> = name.chars().collect();
        let (mut p, mut n) = (0, 0);
        // The last star, and where the name went on when it was met: it takes one letter more at each failure.
        let mut star: Option<(usize, usize)> = None;
        while n < name.len() {
            match self.0.get(p) {
                Some('*') => {
                    star = Some((p, n));
                    p += 1;
                }
                Some('?') => {
                    p += 1;
                    n += 1;
                }
                Some(c) if Some(c) == name.get(n) => {
                    p += 1;
                    n += 1;
                }
                _ => match star {
                    None => return false,
                    Some((at, from)) => {
                        star = Some((at, from + 1));
                        p = at + 1;
                        n = from + 1;
                    }
                },
            }
        }
        self.0.iter().skip(p).all(|c| *c == '*')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks() {
        for (pattern, name, takes) in [
            ("a-value", "a-value", true),
            ("a", "a-value", false),
            ("*", "", true),
            ("*-value", "orders-value", true),
            ("o*-*e", "orders-value", true),
            ("*a*b", "xaxxab", true),
            ("*a*b", "xaxxac", false),
            ("?b", "äb", true),
            ("?", "", false),
            ("a*", "ba", false),
        ] {
            let glob: Glob = pattern.parse().unwrap();
            assert_eq!(glob.takes(name), takes, "{pattern} {name}");
        }
    }
}
