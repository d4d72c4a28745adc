//! Figures beside what they must be.

use serde_json::{Value, json};
use sip_tests::bench::{calibrate, load_average};

/// One line of the table.
#[derive(Debug, Clone, Default)]
pub(crate) struct Row {
    what: String,
    unit: &'static str,
    must: Vec<f64>,
    stretch: Vec<f64>,
    /// More is better.
    at_least: bool,
    measured: Vec<f64>,
    notes: Vec<String>,
}

impl Row {
    /// A figure of one or several numbers of one unit, all of them better when less.
    pub(crate) fn new(what: &str, unit: &'static str, measured: &[f64]) -> Self {
        let measured = measured.to_vec();
        Self { what: what.to_owned(), unit, measured, ..Self::default() }
    }

    /// What the numbers must not exceed, and what they should not.
    pub(crate) fn limits(mut self, must: &[f64], stretch: &[f64]) -> Self {
        (self.must, self.stretch) = (must.to_vec(), stretch.to_vec());
        self
    }

    /// More is better.
    pub(crate) const fn at_least(mut self) -> Self {
        self.at_least = true;
        self
    }

    /// A word on how it came about.
    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// How far the worst of the numbers is over these limits: 1 and less is within.
    fn over(&self, limits: &[f64]) -> Option<f64> {
        let over = |(is, limit): (&f64, &f64)| match (is / limit, self.at_least) {
            (_, false) if is <= limit => 1.0,
            (_, true) if is >= limit => 1.0,
            // What could not be measured is never within.
            (ratio, _) if ratio.is_nan() => f64::INFINITY,
            (ratio, false) => ratio,
            (ratio, true) => 1.0 / ratio,
        };
        self.measured.iter().zip(limits).map(over).reduce(f64::max)
    }

    fn verdict(&self) -> String {
        let within = |limits| self.over(limits).is_some_and(|over| over <= 1.0);
        match self.over(&self.must) {
            None => "—".to_owned(),
            Some(_) if within(&self.stretch) => "stretch".to_owned(),
            Some(over) if over <= 1.0 => "met".to_owned(),
            Some(over) if over.is_infinite() => "NOT MEASURED".to_owned(),
            Some(over) => format!("MISSED ×{over:.2}"),
        }
    }
}

/// All of it.
#[derive(Debug, Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
    /// What should never be: failed calls, wrong payload.
    pub(crate) faults: Vec<String>,
    /// Calls a second that were found to be possible.
    pub(crate) capacity: Option<u32>,
}

impl Report {
    pub(crate) fn row(&mut self, row: Row) {
        eprintln!("    {}: {} {}", row.what, numbers(&row.measured), row.unit);
        self.rows.push(row);
    }

    /// Remembers what must not be.
    pub(crate) fn fault(&mut self, what: impl Into<String>) {
        let what = what.into();
        eprintln!("    FAULT: {what}");
        self.faults.push(what);
    }

    /// For people.
    pub(crate) fn table(&self) -> String {
        let head = ["figure", "must", "stretch", "measured", ""].map(str::to_owned);
        let mut lines = vec![head];
        for row in &self.rows {
            let unit = |numbers: String| match numbers.as_str() {
                "" => String::new(),
                _ => format!("{numbers} {}", row.unit).trim_end().to_owned(),
            };
            lines.push([
                row.what.clone(),
                unit(numbers(&row.must)),
                unit(numbers(&row.stretch)),
                unit(numbers(&row.measured)),
                row.verdict(),
            ]);
        }
        let width = |column: usize| {
            lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0)
        };
        let widths = [0, 1, 2, 3, 4].map(width);
        let mut text = format!(
            "\n{:.2} ns a step of the calibration, load average {:.2}, {} cores\n\n",
            calibrate(),
            load_average(),
            std::thread::available_parallelism().map_or(1, usize::from)
        );
        for (n, line) in lines.iter().enumerate() {
            let cells = line.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
            text += cells.collect::<Vec<_>>().join("  ").trim_end();
            text += "\n";
            for note in n.checked_sub(1).map_or(&[][..], |n| &self.rows[n].notes) {
                text += &format!("    {note}\n");
            }
        }
        for fault in &self.faults {
            text += &format!("FAULT: {fault}\n");
        }
        text
    }

    /// For programs.
    pub(crate) fn json(&self) -> String {
        let row = |row: &Row| {
            json!({
                "figure": row.what, "unit": row.unit, "must": row.must, "stretch": row.stretch,
                "at_least": row.at_least, "measured": row.measured, "verdict": row.verdict(),
                "notes": row.notes,
            })
        };
        let rows: Vec<Value> = self.rows.iter().map(row).collect();
        let all = json!({
            "calibration_ns": calibrate(), "load_average": load_average(),
            "figures": rows, "faults": self.faults,
        });
        format!("{all:#}\n")
    }
}

/// Names of threads and their shares, as a note.
pub(crate) fn shares(shares: &[(String, f64)]) -> String {
    let told = shares.iter().filter(|(_, share)| *share >= 0.005);
    let told = told.map(|(name, share)| format!("{name} {:.0} %", share * 100.0));
    format!("of that: {}", told.collect::<Vec<_>>().join(", "))
}

/// Three digits that count.
fn number(value: f64) -> String {
    match value.abs() {
        size if size.is_nan() => "?".to_owned(),
        // A limit that is none.
        size if size.is_infinite() => "—".to_owned(),
        size if size == 0.0 || size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 0.3 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

fn numbers(values: &[f64]) -> String {
    values.iter().map(|value| number(*value)).collect::<Vec<_>>().join(" / ")
}
