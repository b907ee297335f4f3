//! Layout of formatted code, a step nearer to rustfmt.
//!
//! prettyplease breaks lines at 89 columns and knows no blank lines. rustfmt's limit is 100: what fits is put on one line
//! again where rustfmt would do so, in types, heads of functions and calls, and a call's only block starts on its line. Blank lines come where a person would put
//! them, between items and between functions. The code has been parsed before, and only white space changes here.

/// rustfmt's `max_width`.
const WIDTH: usize = 100;

/// rustfmt's `fn_call_width`: the most that the arguments of a call take on one line.
const CALL_WIDTH: usize = 60;

/// Lays out what prettyplease has written.
pub(crate) fn lay_out(code: &str) -> String {
    let mut lines: Vec<String> = code.lines().map(str::to_owned).collect();
    lines = lines.into_iter().flat_map(empty_body).collect();
    replace(&mut lines, unchain);
    // Inner groups first: a joined inner group may let the outer one fit.
    replace(&mut lines, |lines, start| {
        group(lines, start).map(|(line, end)| (vec![line], end))
    });
    replace(&mut lines, hug);
    spread(&lines)
}

fn depth(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The body of a function whose head takes several lines starts on a line of its own, even an empty one.
fn empty_body(line: String) -> Vec<String> {
    match line.strip_suffix(" {}") {
        Some(head) if head.trim_start().starts_with(')') => {
            let indent = " ".repeat(depth(head));
            vec![format!("{head} {{"), format!("{indent}}}")]
        }
        _ => vec![line],
    }
}

/// Where the line is that ends the group opened at `start`: the next of its depth.
fn end_of(lines: &[String], start: usize) -> Option<usize> {
    let level = depth(lines.get(start)?);
    let mut rest = lines.iter().enumerate().skip(start + 1);
    rest.find(|(_, line)| depth(line) <= level)
        .map(|(index, _)| index)
}

fn dedent(line: &str) -> String {
    line.strip_prefix("    ").unwrap_or(line).to_owned()
}

/// Puts a single method call that takes several lines behind its receiver, a plain name: `items.push(`.
fn unchain(lines: &[String], start: usize) -> Option<(Vec<String>, usize)> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let (receiver, call) = (lines.get(start)?, lines.get(start + 1)?);
    let level = depth(receiver);
    let opens = call.trim_start().starts_with('.') && call.ends_with(['(', '{']);
    if !receiver.trim_start().chars().all(plain) || !opens || depth(call) != level + 4 {
        return None;
    }
    let end = end_of(lines, start + 1)?;
    let last = lines.get(end)?;
    if depth(last) != level + 4 || !last.ends_with(';') {
        return None;
    }
    let mut out = vec![format!("{receiver}{}", call.trim_start())];
    out.extend(lines.get(start + 2..=end)?.iter().map(|line| dedent(line)));
    Some((out, end))
}

/// Draws a call's only argument, a block or a match, up to its parenthesis: `Ok(match x {`.
fn hug(lines: &[String], start: usize) -> Option<(Vec<String>, usize)> {
    let (open, block) = (lines.get(start)?, lines.get(start + 1)?);
    let level = depth(open);
    let text = block.trim_start();
    let is_block = text == "{" || (text.starts_with("match ") && text.ends_with('{'));
    if !open.ends_with('(') || !is_block || depth(block) != level + 4 {
        return None;
    }
    let end = end_of(lines, start + 1)?;
    let (last, close) = (lines.get(end)?, lines.get(end + 1)?);
    let ends = matches!(last.trim_start(), "}" | "},") && depth(last) == level + 4;
    if !ends || depth(close) != level || !close.trim_start().starts_with(')') {
        return None;
    }
    let head = format!("{open}{text}");
    if head.chars().count() > WIDTH {
        return None;
    }
    let mut out = vec![head];
    out.extend(lines.get(start + 2..end)?.iter().map(|line| dedent(line)));
    out.push(format!("{}}}{}", " ".repeat(level), close.trim_start()));
    Some((out, end + 1))
}

/// Goes through the lines and puts in place of groups what `change` makes of them, until it makes nothing of any: what is
/// inside a changed group has its turn in the next round, so there are no more rounds than levels.
fn replace(lines: &mut Vec<String>, change: impl Fn(&[String], usize) -> Option<(Vec<String>, usize)>) {
    loop {
        let mut out: Vec<String> = Vec::with_capacity(lines.len());
        let mut changed = false;
        let mut index = 0;
        while let Some(line) = lines.get(index) {
            match change(lines, index) {
                Some((new, end)) => {
                    out.extend(new);
                    index = end + 1;
                    changed = true;
                }
                None => {
                    out.push(line.clone());
                    index += 1;
                }
            }
        }
        *lines = out;
        if !changed {
            return;
        }
    }
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
    let call = first.ends_with('(') && !head && is_call(text);
    if !first.ends_with('<') && !head && !call {
        return None;
    }
    let close = if first.ends_with('(') { ')' } else { '>' };
    let opened = first.chars().count();
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
            if call && joined.chars().count() - opened > CALL_WIDTH {
                return None;
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

/// Whether a line that ends with a parenthesis opens a call's arguments, and not a tuple or a closure's.
fn is_call(text: &str) -> bool {
    let name = text.trim_end_matches('(');
    name.ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_') && !text.contains("fn ")
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
    fn blocks_start_on_the_line_of_their_call() {
        let code = "fn f() {\n    items\n        .push(\n            match r.branch(2)? {\n                0 => None,\n                _ => Some(\n                    r.get(),\n                ),\n            },\n        );\n    Ok(\n        match x {\n            _ => 1,\n        },\n    )\n}\n";
        assert_eq!(
            lay_out(code),
            "fn f() {\n    items.push(match r.branch(2)? {\n        0 => None,\n        _ => Some(r.get()),\n    });\n    Ok(match x {\n        _ => 1,\n    })\n}\n"
        );
    }

    #[test]
    fn what_does_not_fit_stays() {
        let long = "x".repeat(80);
        let code = format!("fn f(\n    {long}: u8,\n) -> aaaaaaaaaaaaaaa {{\n}}\n");
        assert_eq!(lay_out(&code), code);
    }
}
