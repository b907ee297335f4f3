//! Contenders in turns: every round runs each of them once over all records, right after a pass that is not timed, and the
//! next round begins with another. What disturbs the machine disturbs all. What counts is the median over the rounds of
//! the ratio within a round.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Instant;

/// Name of the contenders that the others are compared with: `fleetops`, and `fleetops borrowed`.
pub const OURS: &str = "fleetops";

/// What takes part.
pub struct Contender {
    /// Those of one race take turns.
    pub race: &'static str,
    pub name: &'static str,
    /// One pass over all records.
    pub run: Box<dyn FnMut()>,
}

/// What was measured of one contender.
#[derive(Clone, Debug)]
pub struct Measured {
    pub race: String,
    pub name: String,
    /// Nanoseconds a record, the median over the rounds.
    pub nanos: f64,
    /// How many times the time of each of ours it took.
    pub ratios: BTreeMap<String, f64>,
}

pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Runs one race.
pub fn race(contenders: &mut [Contender], rounds: usize, records: usize) -> Vec<Measured> {
    let mut times = vec![Vec::with_capacity(rounds); contenders.len()];
    for contender in contenders.iter_mut() {
        (contender.run)();
    }
    for round in 0..rounds {
        for turn in 0..contenders.len() {
            let at = (round + turn) % contenders.len();
            let run = &mut contenders[at].run;
            run();
            let start = Instant::now();
            run();
            times[at].push(start.elapsed().as_nanos() as f64 / records as f64);
        }
    }
    let ours: Vec<usize> = (0..contenders.len())
        .filter(|&at| contenders[at].name.starts_with(OURS))
        .collect();
    (0..contenders.len())
        .map(|at| Measured {
            race: contenders[at].race.to_owned(),
            name: contenders[at].name.to_owned(),
            nanos: median(&mut times[at].clone()),
            ratios: (ours.iter())
                .map(|&our| {
                    let pairs = times[at].iter().zip(&times[our]);
                    let mut ratios: Vec<f64> = pairs.map(|(theirs, ours)| theirs / ours).collect();
                    (contenders[our].name.to_owned(), median(&mut ratios))
                })
                .collect(),
        })
        .collect()
}

/// One line a contender, for the process that collects them.
pub fn lines(measured: &[Measured]) -> String {
    let mut out = String::new();
    for m in measured {
        let _ = write!(out, "{}\t{}\t{}", m.race, m.name, m.nanos);
        for (ours, ratio) in &m.ratios {
            let _ = write!(out, "\t{ours}={ratio}");
        }
        out.push('\n');
    }
    out
}

/// The same read.
pub fn parse(text: &str) -> Vec<Measured> {
    let line = |line: &str| {
        let mut parts = line.split('\t');
        Some(Measured {
            race: parts.next()?.to_owned(),
            name: parts.next()?.to_owned(),
            nanos: parts.next()?.parse().ok()?,
            ratios: parts
                .filter_map(|part| part.split_once('='))
                .filter_map(|(ours, ratio)| Some((ours.to_owned(), ratio.parse().ok()?)))
                .collect(),
        })
    };
    text.lines().filter_map(line).collect()
}

/// A table for each race: medians over the processes, with the least and the greatest in brackets.
pub fn tables(processes: &[Vec<Measured>]) -> String {
    let mut out = String::new();
    let first = processes.first().map(Vec::as_slice).unwrap_or_default();
    let mut races: Vec<&str> = first.iter().map(|m| m.race.as_str()).collect();
    races.dedup();
    for race in races {
        let rows: Vec<&Measured> = first.iter().filter(|m| m.race == race).collect();
        let ours: Vec<&String> = rows
            .first()
            .map(|m| m.ratios.keys().collect())
            .unwrap_or_default();
        let _ = write!(out, "\n## {race}\n\n| contender | ns/record |");
        for name in &ours {
            let _ = write!(out, " times {name} |");
        }
        let _ = writeln!(out, "\n|---|---|{}", "---|".repeat(ours.len()));
        let mut sorted: Vec<(f64, String)> = Vec::new();
        for row in rows {
            let same: Vec<&Measured> = processes
                .iter()
                .flatten()
                .filter(|m| m.race == race && m.name == row.name)
                .collect();
            let mut nanos: Vec<f64> = same.iter().map(|m| m.nanos).collect();
            let mut text = format!("| {} | {} |", row.name, spread(&mut nanos, 1));
            for name in &ours {
                let mut ratios: Vec<f64> = same.iter().filter_map(|m| m.ratios.get(*name).copied()).collect();
                let _ = write!(text, " {} |", spread(&mut ratios, 2));
            }
            sorted.push((median(&mut nanos), text));
        }
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (_, text) in sorted {
            let _ = writeln!(out, "{text}");
        }
    }
    out
}

fn spread(values: &mut [f64], digits: usize) -> String {
    let middle = median(values);
    match (values.first(), values.last()) {
        (Some(least), Some(most)) if values.len() > 1 => {
            format!("{middle:.digits$} ({least:.digits$}..{most:.digits$})")
        }
        _ => format!("{middle:.digits$}"),
    }
}
