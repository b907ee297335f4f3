//! The terminal as progress is drawn on it: between two drawings the cursor stands at the start of the line.
//!
//! `indicatif` leaves it behind the last column. There a terminal that echoes Ctrl-C as `^C` begins a new line for it, and the
//! line that is cleared at the end is not the one that was drawn, which stays. At the start of the line the echo is written
//! over the drawing, and both are cleared.

use std::io;

use console::Term;
use indicatif::{ProgressDrawTarget, TermLike};

/// Drawings a second, at most: as many as `indicatif` makes by itself.
const RATE: u8 = 20;

/// Where to draw on standard error; nowhere if that is no terminal, or one that cannot move its cursor.
pub(super) fn stderr() -> ProgressDrawTarget {
    target(Term::buffered_stderr())
}

/// Where to draw on standard output, likewise.
pub(super) fn stdout() -> ProgressDrawTarget {
    target(Term::buffered_stdout())
}

fn target(term: Term) -> ProgressDrawTarget {
    let dumb = std::env::var_os("TERM").is_some_and(|name| name == "dumb");
    if dumb || !term.features().is_attended() {
        return ProgressDrawTarget::hidden();
    }
    ProgressDrawTarget::term_like_with_hz(Box::new(AtStart(term)), RATE)
}

#[derive(Debug)]
struct AtStart<T>(T);

impl<T: TermLike> TermLike for AtStart<T> {
    fn width(&self) -> u16 {
        self.0.width()
    }
    fn height(&self) -> u16 {
        self.0.height()
    }
    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_up(n)
    }
    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_down(n)
    }
    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_right(n)
    }
    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.0.move_cursor_left(n)
    }
    fn write_line(&self, text: &str) -> io::Result<()> {
        self.0.write_line(text)
    }
    fn write_str(&self, text: &str) -> io::Result<()> {
        self.0.write_str(text)
    }
    fn clear_line(&self) -> io::Result<()> {
        self.0.clear_line()
    }
    /// A drawing is complete.
    fn flush(&self) -> io::Result<()> {
        self.0.write_str("\r")?;
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, PoisonError};

    use indicatif::{ProgressBar, ProgressStyle};

    use super::*;

    const WIDTH: usize = 30;

    /// A terminal of so many columns: what is behind the last column begins a new line.
    #[derive(Clone, Debug, Default)]
    struct Screen(Arc<Mutex<Grid>>);

    #[derive(Debug, Default)]
    struct Grid {
        lines: Vec<Vec<char>>,
        row: usize,
        column: usize,
    }

    impl Grid {
        fn write(&mut self, text: &str) {
            for c in text.chars() {
                match c {
                    '\r' => self.column = 0,
                    '\n' => {
                        self.row += 1;
                        self.column = 0;
                    }
                    c => {
                        if self.column == WIDTH {
                            self.row += 1;
                            self.column = 0;
                        }
                        *self.cell() = c;
                        self.column += 1;
                    }
                }
            }
        }

        fn cell(&mut self) -> &mut char {
            let (row, column) = (self.row, self.column);
            self.lines.resize(self.lines.len().max(row + 1), vec![' '; WIDTH]);
            &mut self.lines[row][column]
        }
    }

    impl Screen {
        fn with<R>(&self, act: impl FnOnce(&mut Grid) -> R) -> R {
            act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
        }

        fn text(&self) -> String {
            let lines = self.with(|grid| grid.lines.clone());
            let lines = lines.iter().map(|line| line.iter().collect::<String>());
            lines.collect::<Vec<_>>().join("\n")
        }
    }

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            WIDTH as u16
        }
        fn move_cursor_up(&self, n: usize) -> io::Result<()> {
            self.with(|grid| grid.row = grid.row.saturating_sub(n));
            Ok(())
        }
        fn move_cursor_down(&self, n: usize) -> io::Result<()> {
            self.with(|grid| grid.row += n);
            Ok(())
        }
        fn move_cursor_right(&self, n: usize) -> io::Result<()> {
            self.with(|grid| grid.column = (grid.column + n).min(WIDTH - 1));
            Ok(())
        }
        fn move_cursor_left(&self, n: usize) -> io::Result<()> {
            self.with(|grid| grid.column = grid.column.saturating_sub(n));
            Ok(())
        }
        fn write_line(&self, text: &str) -> io::Result<()> {
            self.with(|grid| grid.write(&format!("{text}\n")));
            Ok(())
        }
        fn write_str(&self, text: &str) -> io::Result<()> {
            self.with(|grid| grid.write(text));
            Ok(())
        }
        fn clear_line(&self) -> io::Result<()> {
            self.with(|grid| {
                grid.column = 0;
                grid.cell();
                let row = grid.row;
                grid.lines[row].fill(' ');
            });
            Ok(())
        }
        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is on the screen at the end, if Ctrl-C was echoed between two drawings.
    fn left_over(screen: &Screen, term: Box<dyn TermLike>, message: &str) -> String {
        let bar = ProgressBar::new_spinner();
        bar.set_draw_target(ProgressDrawTarget::term_like(term));
        bar.set_style(ProgressStyle::with_template("{msg}").unwrap());
        bar.set_message(message.to_owned());
        bar.tick();
        assert!(screen.text().contains("drawn"), "{}", screen.text());
        screen.with(|grid| grid.write("^C"));
        bar.tick();
        bar.finish_and_clear();
        screen.text().trim().to_owned()
    }

    #[test]
    fn nothing_stays_after_an_interrupt_was_echoed() {
        for message in [
            "drawn",
            "drawn\non two lines",
            "drawn, and longer than the terminal is wide",
        ] {
            let screen = Screen::default();
            let term = Box::new(AtStart(screen.clone()));
            assert_eq!(left_over(&screen, term, message), "", "{message:?}");
        }
    }

    #[test]
    fn without_this_the_drawn_line_would_stay() {
        let screen = Screen::default();
        let left = left_over(&screen, Box::new(screen.clone()), "drawn");
        assert!(left.contains("drawn"), "{left:?}");
    }
}
