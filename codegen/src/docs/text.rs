//! Markdown as text. Whatever comes from a schema or manifest goes through [`cell`] or [`code`], so that it cannot
//! become structure: a `|` in a pattern, a line break or a heading in a `doc`.

/// A document in the making.
#[derive(Debug, Default)]
pub(super) struct Document {
    text: String,
}

impl Document {
    pub(super) fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// An empty line, then the text as one paragraph.
    pub(super) fn paragraph(&mut self, text: &str) {
        self.line("");
        self.line(text);
    }

    pub(super) fn heading(&mut self, level: usize, text: &str) {
        self.paragraph(&format!("{} {text}", "#".repeat(level)));
    }

    /// A fenced block.
    pub(super) fn block(&mut self, language: &str, text: &str) {
        let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
        let fence = "`".repeat(longest.max(2) + 1);
        self.paragraph(&format!("{fence}{language}"));
        self.line(text.trim_end_matches('\n'));
        self.line(&fence);
    }

    /// A table. Columns that are empty in every row are left out.
    pub(super) fn table(&mut self, head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
        let rows: Vec<Vec<String>> = rows.into_iter().collect();
        let cell = |row: &[String], i: usize| row.get(i).map_or(String::new(), String::clone);
        let shown: Vec<usize> = (0..head.len())
            .filter(|&i| i == 0 || rows.iter().any(|row| !cell(row, i).is_empty()))
            .collect();
        let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
        self.paragraph(&line(
            shown
                .iter()
                .filter_map(|&i| head.get(i))
                .map(ToString::to_string)
                .collect(),
        ));
        self.line(&line(shown.iter().map(|_| "---".to_owned()).collect()));
        for row in &rows {
            self.line(&line(shown.iter().map(|&i| cell(row, i)).collect()));
        }
    }

    pub(super) fn finish(self) -> String {
        self.text
    }
}

/// Text of people as one line of Markdown: code spans are kept, everything else that Markdown or HTML would act on is
/// escaped, and pipes do not end a cell.
pub(super) fn cell(text: &str) -> String {
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut out = String::with_capacity(flat.len());
    let mut rest = flat.as_str();
    while let Some(start) = rest.find('`') {
        let Some(length) = rest[start + 1..].find('`') else {
            break;
        };
        out.push_str(&escape(&rest[..start]));
        out.push_str(&code(&rest[start + 1..start + 1 + length]));
        rest = &rest[start + length + 2..];
    }
    out.push_str(&escape(rest));
    out
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '|' | '*' | '_' | '[' | ']' | '`' | '\\' | '#' | '~' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

/// A code span that holds the text as it is; inside a table only a pipe needs an escape.
pub(super) fn code(text: &str) -> String {
    let text = text
        .split(['\n', '\r'])
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|");
    if text.is_empty() {
        return String::new();
    }
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    if longest == 0 {
        return format!("`{text}`");
    }
    let fence = "`".repeat(longest + 1);
    format!("{fence} {text} {fence}")
}

/// The anchor that GitHub and GitLab give a heading which is a code span of that text.
pub(super) fn anchor(text: &str) -> String {
    let kept = text
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | ' '));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_structure() {
        assert_eq!(cell("a | b\n# c"), "a \\| b \\# c");
        assert_eq!(
            cell("`a|b` and *c* <script>"),
            "`a\\|b` and \\*c\\* &lt;script&gt;"
        );
        assert_eq!(cell("an odd ` tick"), "an odd \\` tick");
        assert_eq!(code("a`b"), "`` a`b ``");
        assert_eq!(code(""), "");
        let mut document = Document::default();
        document.block("json", "```\nx");
        assert_eq!(document.finish(), "\n````json\n```\nx\n````\n");
    }

    #[test]
    fn empty_columns_are_left_out() {
        let mut document = Document::default();
        let row = |a: &str, b: &str, c: &str| vec![a.to_owned(), b.to_owned(), c.to_owned()];
        document.table(&["A", "B", "C"], [row("1", "", "x"), row("2", "", "")]);
        assert_eq!(
            document.finish(),
            "\n| A | C |\n| --- | --- |\n| 1 | x |\n| 2 |  |\n"
        );
        assert_eq!(anchor("raw_telemetry.dlq"), "raw_telemetrydlq");
    }
}
