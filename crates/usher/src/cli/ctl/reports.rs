//! `usher ctl reports`: figures of queues or operators by intervals of time.

use clap::ValueEnum;
use serde_json::json;

use super::{Column, everything, listing, pretty};
use crate::cli::Failure;
use crate::cli::http::{Server, segment};
use crate::cli::output::{print, say};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// What they are of.
    #[arg(long, value_enum, default_value_t = By::Queue)]
    by: By,
    /// How long an interval is.
    #[arg(long, value_parser = ["15m", "1h", "1d"], default_value = "1d")]
    every: String,
    /// The beginning (RFC 3339), as 2026-11-21T00:00:00Z; of today if nothing is said.
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// The end; now if nothing is said.
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Where days begin, as Europe/Berlin; UTC if nothing is said.
    #[arg(long, value_name = "ZONE")]
    tz: Option<String>,
    /// This queue only.
    #[arg(long, value_name = "QUEUE")]
    queue: Option<String>,
    /// This operator only.
    #[arg(long, value_name = "OPERATOR")]
    operator: Option<String>,
    /// Print all columns, separated by commas.
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    Queue,
    Operator,
}

const QUEUES: &[Column] = &[
    ("FROM", "/from"),
    ("QUEUE", "/queue"),
    ("OFFERED", "/offered"),
    ("ANSWERED", "/answered"),
    ("ABANDONED", "/abandoned"),
    ("EXPIRED", "/expired"),
    ("OVERFLOWED", "/overflowed"),
    ("TRANSFERRED", "/transferred"),
    ("SERVICE_LEVEL", "/service_level"),
    ("WAIT_S", "/average_wait_s"),
    ("LONGEST_S", "/longest_wait_s"),
    ("HANDLE_S", "/average_handle_s"),
    ("CALLBACKS", "/callbacks"),
    ("REACHED", "/callbacks_reached"),
];
const OPERATORS: &[Column] = &[
    ("FROM", "/from"),
    ("OPERATOR", "/operator"),
    ("OFFERED", "/offered"),
    ("ANSWERED", "/answered"),
    ("MISSED", "/missed"),
    ("REJECTED", "/rejected"),
    ("TALK_S", "/talk_s"),
    ("HOLD_S", "/hold_s"),
    ("WRAP_UP_S", "/wrap_up_s"),
    ("HANDLE_S", "/average_handle_s"),
    ("SIGNED_IN_S", "/signed_in_s"),
    ("READY_S", "/ready_s"),
    ("OCCUPANCY", "/occupancy"),
];

impl Arguments {
    pub(super) fn columns(&self) -> &'static [Column] {
        match self.by {
            By::Queue => QUEUES,
            By::Operator => OPERATORS,
        }
    }

    pub(super) fn run(&self, server: &Server, as_json: bool) -> Result<(), Failure> {
        let path = self.path();
        if self.csv {
            return print(&server.table(&path)?);
        }
        let items = everything(server, &format!("{path}&limit=1000"))?;
        if as_json {
            return say(&pretty(&json!({ "items": items })));
        }
        say(&listing(self.columns(), &items))
    }

    fn path(&self) -> String {
        let by = if self.by == By::Queue { "queue" } else { "operator" };
        let mut path = format!("/reports?by={by}&every={}", self.every);
        let named = [
            ("from", &self.from),
            ("to", &self.to),
            ("tz", &self.tz),
            ("queue", &self.queue),
            ("operator", &self.operator),
        ];
        for (name, value) in named {
            if let Some(value) = value {
                path.push_str(&format!("&{name}={}", segment(value)));
            }
        }
        path
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        arguments: super::Arguments,
        #[arg(long)]
        json: bool,
    }

    #[test]
    fn what_is_said_is_asked() {
        let path = |line: &str| Line::parse_from(line.split(' ')).arguments.path();
        assert_eq!(path("reports"), "/reports?by=queue&every=1d");
        assert_eq!(
            path(
                "reports --by operator --every 15m --from 2026-11-21T00:00:00+03:00 \
                 --tz Europe/Berlin --operator a&b"
            ),
            "/reports?by=operator&every=15m&from=2026-11-21T00%3A00%3A00%2B03%3A00\
             &tz=Europe%2FBerlin&operator=a%26b"
        );
        let wrong = ["reports --every 1w", "reports --by trunk", "reports --csv --json"];
        assert!(wrong.iter().all(|line| Line::try_parse_from(line.split(' ')).is_err()));
    }
}
