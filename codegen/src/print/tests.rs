//! The printer against rustfmt, where there is one, and against the code that it was given.

use quote::ToTokens;

use super::print;
use super::shape::newline;

/// Code as one would write it without a thought for layout, and what becomes of it.
#[track_caller]
fn laid_out(code: &str, want: &str) {
    let file = syn::parse_file(code).unwrap();
    let text = print(&file);
    assert_eq!(text, want);
    // The same code, but for commas and braces that layout brings.
    let tokens = |text: &str| {
        let file = syn::parse_file(text).unwrap();
        let text = file.to_token_stream().to_string();
        text.replace([',', '{', '}', ' '], "")
    };
    assert_eq!(tokens(&text), tokens(code));
    assert_eq!(print(&syn::parse_file(&text).unwrap()), text);
}

#[test]
fn what_fits_stands_on_one_line() {
    laid_out(
        "pub struct A { pub x: a::DateTime<a::Utc> } impl A { pub fn f(x: u8, y: Vec<u8>) -> B { g() } fn h() {} }",
        "pub struct A {\n    pub x: a::DateTime<a::Utc>,\n}\n\nimpl A {\n    pub fn f(x: u8, y: Vec<u8>) -> B {\n        g()\n    }\n\n    fn h() {}\n}\n",
    );
}

#[test]
fn blocks_start_on_the_line_of_their_call() {
    laid_out(
        "impl A { fn f() { items.push(match r.branch(2)? { 0 => None, _ => Some(r.get()) }); Ok(match x { _ => 1 }) } }",
        "impl A {\n    fn f() {\n        items.push(match r.branch(2)? {\n            0 => None,\n            _ => Some(r.get()),\n        });\n        Ok(match x {\n            _ => 1,\n        })\n    }\n}\n",
    );
}

/// The widths at which rustfmt 1.9 changes its mind.
#[test]
fn what_is_derived_is_laid_out_in_three_ways() {
    for (width, want) in [
        (85, "#[derive(Aaa, {})]\npub struct A;\n"),
        (86, "#[derive(\n    Aaa, {},\n)]\npub struct A;\n"),
        (96, "#[derive(\n    Aaa, {},\n)]\npub struct A;\n"),
        (97, "#[derive(\n    Aaa,\n    {},\n)]\npub struct A;\n"),
    ] {
        let long = "B".repeat(width - "Aaa, ".len());
        laid_out(
            &format!("#[derive(Aaa, {long})] pub struct A;"),
            &want.replace("{}", &long),
        );
    }
}

/// rustfmt 1.9 counts the comma, and leaves the last column free.
#[test]
fn short_items_fill_their_lines() {
    let numbers: Vec<String> = (0..31).map(|n| format!("\"O{n:02}\"")).collect();
    let inside = newline(16);
    for (first, ends) in [("xxx", [11, 23]), ("xxxx", [10, 22])] {
        let lines = [
            &numbers[..ends[0]],
            &numbers[ends[0]..ends[1]],
            &numbers[ends[1]..],
        ];
        let lines = lines.map(|line| line.join(", "));
        laid_out(
            &format!(
                "impl A {{ fn f() {{ Err(U::new(\"name\", &[\"{first}\", {}], symbol)) }} }}",
                numbers.join(", ")
            ),
            &format!(
                "impl A {{\n    fn f() {{\n        Err(U::new(\n            \"name\",\n            &[{inside}\"{first}\", {},\n            ],\n            symbol,\n        ))\n    }}\n}}\n",
                lines.join(&format!(",{inside}"))
            ),
        );
    }
}

/// Letters of two columns, and of more bytes than columns: rustfmt 1.9 counts the one or the other.
#[test]
fn wide_letters_take_their_room() {
    for (text, want) in [
        (
            "fn f() -> A { A { été, naïveu8, ñbox } }",
            "    fn f() -> A {\n        A {\n            été, naïveu8, ñbox\n        }\n    }\n",
        ),
        (
            "fn f() -> A { A { ete, naiveu8, nbox } }",
            "    fn f() -> A {\n        A { ete, naiveu8, nbox }\n    }\n",
        ),
        (
            "fn builder(required: 超速車両の名前EnumRequired) -> 超速車両の名前EnumBuilderOfParts { f() }",
            "    fn builder(\n        required: 超速車両の名前EnumRequired\n    ) -> 超速車両の名前EnumBuilderOfParts {\n        f()\n    }\n",
        ),
    ] {
        laid_out(&format!("impl A {{ {text} }}"), &format!("impl A {{\n{want}}}\n"));
    }
}

#[test]
fn what_a_trait_says_of_a_type_is_a_path_like_any_other() {
    laid_out(
        "impl A { const N: &'static str = <Self as ::x::codec::AvroRecord>::NAME; fn f() -> <T<u8> as m::I<u8>>::O { <u8 as From<u8>>::from::<u8>(<u8>::MAX) } }",
        "impl A {\n    const N: &'static str = <Self as ::x::codec::AvroRecord>::NAME;\n\n    fn f() -> <T<u8> as m::I<u8>>::O {\n        <u8 as From<u8>>::from::<u8>(<u8>::MAX)\n    }\n}\n",
    );
}

#[test]
fn what_is_not_known_is_laid_out_by_prettyplease() {
    laid_out(
        "pub fn f<T: Copy>(x: T) -> T { x }",
        "pub fn f<T: Copy>(x: T) -> T {\n    x\n}\n",
    );
}

/// Lays out the files of a folder anew, in place, for a look at what rustfmt makes of them:
/// `FLEETOPS_PRINT=FOLDER cargo test -p fleetops-codegen lays_out_a_folder -- --ignored`.
#[test]
#[ignore = "a tool"]
fn lays_out_a_folder() {
    let mut pending = vec![std::path::PathBuf::from(
        std::env::var_os("FLEETOPS_PRINT").unwrap(),
    )];
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            pending.extend(std::fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()));
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let text = print(&syn::parse_file(&text).unwrap());
            std::fs::write(&path, text).unwrap();
        }
    }
}
