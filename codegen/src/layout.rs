//! Layout of formatted code, a step nearer to rustfmt.
//!
//! prettyplease breaks lines at 89 columns and knows no blank lines. rustfmt's limit is 100: what fits is put on one line
//! again where rustfmt would do so, in types and in the heads of functions. Blank lines come where a person would put
//! them, between items and between functions. The code has been parsed before, and only white space changes here.

/// rustfmt's `max_width`.
const WIDTH: usize = 100;

/// Lays out what prettyplease has written.
pub(crate) fn lay_out(code: &str) -> String {
    let mut lines: Vec<String> = code.lines().map(str::to_owned).collect();
    // Inner groups first: a joined inner group may let the outer one fit.
    while join_once(&mut lines) {}
    spread(&lines)
}

fn depth(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Joins the groups that fit, innermost first. Whether there was one.
fn join_once(lines: &mut Vec<String>) -> bool {
    let mut out: Vec<String> = Vec::with_capacity(lines.len());
    let mut joined = false;
    let mut index = 0;
    while let Some(line) = lines.get(index) {
        match group(lines, index) {
            Some((text, end)) => {
                out.push(text);
                index = end + 1;
                joined = true;
            }
            None => {
                out.push(line.clone());
                index += 1;
            }
        }
    }
    *lines = out;
    joined
}

/// The line that the group opened at `start` makes when joined, and where the group ends; if it shall be joined.
fn group(lines: &[String], start: usize) -> Option<(String, usize)> {
    let first = lines.get(start)?;
    let text = first.trim_start();
    if text.starts_with("//") || text.starts_with('#') {
        return None;
    }
    let head = (text.starts_with("fn ") || text.starts_with("pub fn ") || text.starts_with("pub(crate) fn "))
        && first.ends_with('(');
    if !first.ends_with('<') && !head {
        return None;
    }
    let close = if head { ')' } else { '>' };
    let mut joined = first.clone();
    for (offset, line) in lines.iter().enumerate().skip(start + 1) {
        let text = line.trim_start();
        if depth(line) == depth(first) {
            if !text.starts_with(close) {
                return None;
            }
            if joined.ends_with(',') {
                joined.pop();
            }
            joined.push_str(text);
            return (joined.chars().count() <= WIDTH).then_some((joined, offset));
        }
        // A nested group that is still open is joined in its own right first.
        if depth(line) != depth(first) + 4
            || text.starts_with(['>', ')', '}', ']'])
            || text.ends_with(['<', '(', '{'])
        {
            return None;
        }
        if offset > start + 1 {
            joined.push(' ');
        }
        joined.push_str(text);
        if joined.chars().count() > WIDTH + 1 {
            return None;
        }
    }
    None
}

/// Puts blank lines between items, and between the functions of an `impl`.
fn spread(lines: &[String]) -> String {
    let mut out = String::new();
    let mut previous: Option<&str> = None;
    for line in lines {
        if let Some(before) = previous
            && starts_new(before, line)
        {
            out.push('\n');
        }
        out.push_str(line);
        out.push('\n');
        previous = Some(line);
    }
    out
}

/// Whether a blank line belongs between two lines: the first ends an item, the second starts one of the same depth.
fn starts_new(before: &str, line: &str) -> bool {
    let comment = before.trim_start().starts_with("//") || before.trim_start().starts_with("#[");
    if comment || depth(before) != depth(line) {
        return false;
    }
    let level = depth(line);
    let (before, text) = (before.trim_start(), line.trim_start());
    let opens = |l: &str| {
        [
            "///",
            "#[",
            "pub ",
            "pub(crate) ",
            "fn ",
            "const ",
            "impl",
            "type ",
        ]
        .iter()
        .any(|p| l.starts_with(p))
    };
    let ends_function = before == "}";
    let kind = |l: &str| l.split(' ').next().unwrap_or_default().to_owned();
    let ends_item = before.ends_with(';')
        && opens(before)
        && (kind(before) != kind(text) || text.starts_with("pub const"));
    match level {
        0 => opens(text) && (before.ends_with('}') || ends_item),
        4 => opens(text) && (ends_function || ends_item),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_joined() {
        let code = "pub struct A {\n    pub x: a::DateTime<\n        a::Utc,\n    >,\n}\nimpl A {\n    pub fn f(\n        x: u8,\n        y: Vec<\n            u8,\n        >,\n    ) -> B {\n        g()\n    }\n    fn h() {}\n}\n";
        assert_eq!(
            lay_out(code),
            "pub struct A {\n    pub x: a::DateTime<a::Utc>,\n}\n\nimpl A {\n    pub fn f(x: u8, y: Vec<u8>) -> B {\n        g()\n    }\n    fn h() {}\n}\n"
                .replace("    }\n    fn h", "    }\n\n    fn h")
        );
    }

    #[test]
    fn what_does_not_fit_stays() {
        let long = "x".repeat(80);
        let code = format!("fn f(\n    {long}: u8,\n) -> aaaaaaaaaaaaaaa {{\n}}\n");
        assert_eq!(lay_out(&code), code);
    }
}
