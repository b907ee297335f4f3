//! Which names may be used: Java Avro 1.12's `NameValidator`.

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};

use crate::parse::ParseMode;

/// The types that every schema knows.
pub(crate) const PRIMITIVES: [&str; 8] = [
    "null", "boolean", "int", "long", "float", "double", "bytes", "string",
];

/// The words that `"type"` takes besides primitives.
pub(crate) const COMPLEX: [&str; 6] = ["record", "enum", "array", "map", "fixed", "error"];

/// Why a name may not be used, in words that end a sentence beginning with the name.
pub(crate) fn check(name: &str, mode: ParseMode) -> Result<(), String> {
    if mode == ParseMode::Lenient {
        return Ok(());
    }
    let ascii = mode == ParseMode::Strict;
    let mut chars = name.chars();
    let Some(first) = chars.next() else {
        return Err("is empty".to_owned());
    };
    if !(first == '_' || is_letter(first, ascii)) {
        return Err(format!("starts with `{}`", first.escape_debug()));
    }
    match chars.find(|&c| !(c == '_' || is_letter(c, ascii) || is_digit(c, ascii))) {
        None => Ok(()),
        Some(c) => Err(format!("contains `{}`", c.escape_debug())),
    }
}

/// What a name may consist of, for messages.
pub(crate) fn rule(mode: ParseMode) -> &'static str {
    match mode {
        ParseMode::Strict => "a name starts with A-Z, a-z or _, and goes on with these or 0-9",
        _ => "a name starts with a letter or _, and goes on with letters, digits or _",
    }
}

/// The nearest name that may be used.
pub(crate) fn mend(name: &str, mode: ParseMode) -> Option<String> {
    let ascii = mode == ParseMode::Strict;
    let mut mended: String = name
        .trim()
        .chars()
        .map(|c| {
            if is_letter(c, ascii) || is_digit(c, ascii) {
                c
            } else {
                '_'
            }
        })
        .collect();
    if mended.chars().next().is_some_and(|c| is_digit(c, ascii)) {
        mended.insert(0, '_');
    }
    mended.chars().any(|c| c != '_').then_some(mended)
}

/// `Character.isLetter(char)`: characters beyond U+FFFF are two chars to Java, and neither is a letter.
fn is_letter(c: char, ascii: bool) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphabetic();
    }
    !ascii
        && (c as u32) <= 0xFFFF
        && matches!(
            c.general_category(),
            GeneralCategory::UppercaseLetter
                | GeneralCategory::LowercaseLetter
                | GeneralCategory::TitlecaseLetter
                | GeneralCategory::ModifierLetter
                | GeneralCategory::OtherLetter
        )
}

/// `Character.isDigit(char)`.
fn is_digit(c: char, ascii: bool) -> bool {
    if c.is_ascii() {
        return c.is_ascii_digit();
    }
    !ascii && (c as u32) <= 0xFFFF && c.general_category() == GeneralCategory::DecimalNumber
}
