//! The wallboard: a picture and the last lines, laid out for a terminal of any size.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::time::Duration;

use super::cast::{self, IN_TIME_S};
use super::desk::{OperatorNow, Picture, QueueNow};

/// Lines kept for a tall terminal.
const LINES_MAX: usize = 200;
/// Columns of the whole board.
const COLUMNS: usize = 80;
/// Events that are always seen.
const EVENTS_MIN: usize = 3;
/// Rows of the whole board beside those of queues and operators: two of the head, three empty ones,
/// one of names, the events, and the last, in which the cursor stands.
const FIXED: usize = 7 + EVENTS_MIN;
/// Between columns.
const GAP: &str = "  ";

/// How a piece of text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Plain,
    Bold,
    Dim,
    Good,
    Busy,
    Bad,
}

impl Look {
    /// ECMA-48, select graphic rendition.
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Bold => "\x1b[1m",
            Self::Dim => "\x1b[2m",
            Self::Good => "\x1b[32m",
            Self::Busy => "\x1b[33m",
            Self::Bad => "\x1b[31m",
        }
    }
}

/// One line of the screen: pieces with a look each.
#[derive(Debug, Default)]
struct Row(Vec<(Look, String)>);

impl Row {
    fn of(look: Look, text: impl Into<String>) -> Self {
        Self(vec![(look, text.into())])
    }

    fn add(&mut self, look: Look, text: impl Into<String>) {
        self.0.push((look, text.into()));
    }

    /// At most so many columns of it; what is cut off ends in an ellipsis.
    fn print(&self, width: usize, colours: bool, out: &mut String) {
        let length: usize = self.0.iter().map(|(_, text)| text.trim_end().chars().count()).sum();
        let is_cut = length > width;
        let mut left = width;
        for (look, text) in &self.0 {
            let length = text.chars().count();
            let mut text: String = text.chars().take(left).collect();
            if is_cut && length >= left && text.pop().is_some() {
                text.push('…');
            }
            left -= text.chars().count();
            if colours && *look != Look::Plain {
                let _ = write!(out, "{}{text}\x1b[0m", look.code());
            } else {
                out.push_str(&text);
            }
        }
    }
}

/// What stands above everything.
#[derive(Debug, Clone)]
pub(super) struct Title {
    pub(super) since_start: Duration,
    /// None where it runs until somebody ends it.
    pub(super) length: Option<Duration>,
    /// A command for another terminal.
    pub(super) hint: String,
}

/// The board.
#[derive(Debug, Default)]
pub(super) struct Board {
    lines: VecDeque<String>,
}

impl Board {
    /// One more line below.
    pub(super) fn add(&mut self, line: String) {
        self.lines.push_back(line);
        if self.lines.len() > LINES_MAX {
            self.lines.pop_front();
        }
    }

    /// A whole screen of `width` columns and `height` rows, drawn over what was there.
    pub(super) fn draw(
        &self,
        title: &Title,
        picture: &Picture,
        (width, height): (usize, usize),
        colours: bool,
    ) -> String {
        let operators = operators(&picture.operators, width.max(COLUMNS));
        let wanted = FIXED + picture.queues.len() + operators.len();
        let mut rows = if width < COLUMNS || height < wanted {
            small(title, picture, (width, height), wanted)
        } else {
            let mut rows = head(title, picture);
            rows.push(Row::default());
            rows.extend(queues(&picture.queues));
            rows.push(Row::default());
            rows.extend(operators);
            rows.push(Row::default());
            rows
        };
        let room = height.saturating_sub(rows.len() + 1);
        let skip = self.lines.len().saturating_sub(room);
        rows.extend(self.lines.iter().skip(skip).map(|line| Row::of(Look::Plain, line)));
        rows.truncate(height.saturating_sub(1));
        let mut out = "\x1b[H".to_owned();
        for row in rows {
            row.print(width, colours, &mut out);
            // The rest of the line is what stood there before.
            out.push_str("\x1b[K\r\n");
        }
        out.push_str("\x1b[J");
        out
    }
}

/// What is left where not all has room: how large the window must be, the table, and, where there
/// are rows for them, the operators.
fn small(
    title: &Title,
    picture: &Picture,
    (width, height): (usize, usize),
    wanted: usize,
) -> Vec<Row> {
    let mut rows = head(title, picture);
    rows.truncate(1);
    let short = format!("needs {COLUMNS} x {wanted}");
    let long = format!("make the window {COLUMNS} x {wanted} to see it all");
    let fits = long.chars().count() <= width;
    rows.push(Row::of(Look::Busy, if fits { long } else { short }));
    if width < COLUMNS {
        rows.extend(narrow_queues(&picture.queues));
    } else {
        rows.extend(queues(&picture.queues));
    }
    let operators = operators(&picture.operators, width);
    if rows.len() + operators.len() + EVENTS_MIN < height {
        rows.extend(operators);
    }
    rows
}

/// The table in half the columns: without the operators.
fn narrow_queues(queues: &[QueueNow]) -> Vec<Row> {
    let mut rows =
        vec![Row::of(Look::Dim, format!("QUEUE   WAIT  LONG  ANS GONE IN {IN_TIME_S} S MEAN"))];
    for queue in queues {
        let QueueNow { name, waiting, longest_wait_s, answered, abandoned, .. } = queue;
        let mut row = Row::of(Look::Bold, format!("{name:<8.8}"));
        row.add(Look::Plain, format!("{waiting:>4} {:>5}", clock_f(*longest_wait_s)));
        row.add(Look::Plain, format!(" {answered:>4} {abandoned:>4}"));
        let level = queue.service_level.map(|level| format!("{:.0} %", level * 100.0));
        let mean = queue.mean_wait_s.map(|mean| format!("{mean:.1}"));
        let (level, mean) = (level.unwrap_or_default(), mean.unwrap_or_default());
        row.add(Look::Plain, format!(" {level:>6} {mean:>4}"));
        rows.push(row);
    }
    rows
}

fn head(title: &Title, picture: &Picture) -> Vec<Row> {
    let mut first = Row::of(Look::Bold, "usher demo");
    let waiting: u64 = picture.queues.iter().map(|queue| queue.waiting).sum();
    let of = title.length.map(|length| format!(" of {}", clock(length.as_secs())));
    let now = clock(title.since_start.as_secs());
    first.add(Look::Plain, format!("{GAP}{now}{}", of.unwrap_or_default()));
    first.add(Look::Plain, format!("{GAP}{}, {waiting} waiting", count(picture.calls, "call")));
    first.add(Look::Dim, format!("{GAP}Ctrl-C ends it"));
    vec![first, Row::of(Look::Dim, format!("in another terminal: {}", title.hint))]
}

/// A table as text alone: for the board and for what is no terminal.
pub(super) fn queue_lines(queues: &[QueueNow]) -> Vec<String> {
    let mut lines = Vec::new();
    for row in self::queues(queues) {
        let mut line = String::new();
        row.print(usize::MAX, false, &mut line);
        lines.push(line);
    }
    lines
}

fn queues(queues: &[QueueNow]) -> Vec<Row> {
    let mut rows = vec![Row::of(
        Look::Dim,
        format!(
            "QUEUE    WAIT  LONGEST  ANSWERED  GAVE UP  IN {IN_TIME_S} S    MEAN  READY RING TALK WRAP"
        ),
    )];
    for queue in queues {
        let QueueNow { name, waiting, longest_wait_s, answered, abandoned, .. } = queue;
        let mut row = Row::of(Look::Bold, format!("{name:<8.8}"));
        let look = if *waiting == 0 { Look::Plain } else { Look::Busy };
        row.add(look, format!(" {waiting:>4}  {:>7}", clock_f(*longest_wait_s)));
        row.add(Look::Plain, format!("  {answered:>8}"));
        let look = if *abandoned == 0 { Look::Plain } else { Look::Bad };
        row.add(look, format!("  {abandoned:>7}"));
        let level = queue.service_level.map(|level| format!("{:.0} %", level * 100.0));
        let mean = queue.mean_wait_s.map(|mean| format!("{mean:.1} s"));
        let (level, mean) = (level.unwrap_or_default(), mean.unwrap_or_default());
        row.add(Look::Plain, format!(" {level:>7} {mean:>7}  "));
        let number = |states: &[&str]| -> u64 {
            states.iter().filter_map(|state| queue.operators.get(*state)).sum()
        };
        for states in
            [&["ready"][..], &["reserved", "ringing"], &["on-call", "on-hold"], &["wrap-up"]]
        {
            row.add(Look::Plain, format!("{:>5}", number(states)));
        }
        rows.push(row);
    }
    rows
}

/// As many side by side as there is room for.
fn operators(operators: &[OperatorNow], width: usize) -> Vec<Row> {
    const CELL: usize = 37;
    let across = ((width + GAP.len()) / (CELL + GAP.len())).max(1);
    let rows = operators.len().div_ceil(across);
    let mut out: Vec<Row> = Vec::new();
    for index in 0..rows {
        let mut row = Row::default();
        for operator in operators.iter().skip(index).step_by(rows.max(1)) {
            let OperatorNow { id, state, cause, since_s, caller } = operator;
            let caller = caller.as_deref().map(cast::spaced).unwrap_or_default();
            // The end of a number tells more than its beginning.
            let hidden = caller.chars().count().saturating_sub(12);
            let caller: String = caller.chars().skip(hidden).collect();
            let state = if cause == "rona" { "taken out" } else { state };
            row.add(Look::Bold, format!("{id:<7.7}"));
            row.add(look_of(state), format!(" {state:<9.9}"));
            row.add(Look::Plain, format!(" {:>5}  {caller:<12}{GAP}", clock(*since_s)));
        }
        out.push(row);
    }
    out
}

fn look_of(state: &str) -> Look {
    match state {
        "ready" => Look::Good,
        "ringing" | "reserved" | "on-call" | "on-hold" => Look::Busy,
        "taken out" | "unreachable" => Look::Bad,
        _ => Look::Dim,
    }
}

/// So many of something that takes an s.
pub(super) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Minutes and seconds.
pub(super) fn clock(seconds: u64) -> String {
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

fn clock_f(seconds: f64) -> String {
    clock(Duration::try_from_secs_f64(seconds).unwrap_or_default().as_secs())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn picture() -> Picture {
        let queue = QueueNow {
            name: "support".to_owned(),
            waiting: 3,
            longest_wait_s: 74.9,
            answered: 12,
            abandoned: 2,
            service_level: Some(0.857),
            mean_wait_s: Some(6.24),
            operators: BTreeMap::from([("ready".to_owned(), 1), ("on-call".to_owned(), 2)]),
        };
        let operator = |id: &str, state: &str, caller: Option<&str>| OperatorNow {
            id: id.to_owned(),
            state: state.to_owned(),
            cause: String::new(),
            since_s: 7,
            caller: caller.map(str::to_owned),
        };
        let operators = vec![
            operator("alice", "on-call", Some("+442079460007")),
            operator("bob", "ready", None),
            operator("carol", "wrap-up", None),
        ];
        Picture { queues: vec![queue], operators, calls: 4 }
    }

    fn title() -> Title {
        Title {
            since_start: Duration::from_secs(62),
            length: None,
            hint: "usher ctl calls".to_owned(),
        }
    }

    /// The text of a screen, without its codes.
    fn screen(board: &Board, size: (usize, usize)) -> Vec<String> {
        let drawn = board.draw(&title(), &picture(), size, false);
        let drawn = drawn.strip_prefix("\x1b[H").unwrap().strip_suffix("\x1b[J").unwrap();
        drawn.split_terminator("\x1b[K\r\n").map(str::to_owned).collect()
    }

    #[test]
    fn everything_fits_into_eighty_columns() {
        let mut board = Board::default();
        for number in 0..40 {
            board.add(format!("line {number} {}", "x".repeat(100)));
        }
        let rows = screen(&board, (80, 24));
        assert_eq!(rows.len(), 23);
        assert!(rows.iter().all(|row| row.chars().count() <= 80), "{rows:#?}");
        assert!(rows[22].starts_with("line 39 x"), "{rows:#?}");
        let text = rows.join("\n");
        for part in ["1:02", "4 calls, 3 waiting", "support     3     1:14        12"] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        assert!(text.contains("86 %   6.2 s      1    0    2    0"), "{text}");
        assert!(text.contains("alice   on-call    0:07  20 7946 0007"), "{text}");
    }

    #[test]
    fn a_small_terminal_is_not_left() {
        let mut board = Board::default();
        board.add("last".to_owned());
        for (width, height) in [(20, 5), (1, 1), (0, 0), (200, 60)] {
            let rows = screen(&board, (width, height));
            assert!(rows.len() <= height.saturating_sub(1));
            assert!(rows.iter().all(|row| row.chars().count() <= width));
        }
    }

    #[test]
    fn a_small_terminal_says_what_it_lacks_and_shows_the_table() {
        let mut board = Board::default();
        for number in 0..40 {
            board.add(format!("line {number} {}", "x".repeat(100)));
        }
        let rows = screen(&board, (40, 10));
        assert_eq!(
            rows[..6],
            [
                "usher demo  1:02  4 calls, 3 waiting  C…",
                "make the window 80 x 13 to see it all",
                "QUEUE   WAIT  LONG  ANS GONE IN 5 S MEAN",
                "support    3  1:14   12    2   86 %  6.2",
                "line 35 xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…",
                "line 36 xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…",
            ],
        );
        let tall = screen(&board, (40, 24)).join("\n");
        assert!(tall.contains("alice   on-call    0:07  20 7946 0007"), "{tall}");
        let low = screen(&board, (100, 12)).join("\n");
        assert!(low.contains("80 x 13") && low.contains("READY RING TALK WRAP"), "{low}");
        assert!(!screen(&board, (80, 13)).join("\n").contains("make the window"));
        assert_eq!(screen(&board, (20, 5))[1], "needs 80 x 13");
    }

    #[test]
    fn colours_do_not_count_as_columns() {
        let drawn = Board::default().draw(&title(), &picture(), (80, 24), true);
        assert!(drawn.contains("\x1b[33m    3     1:14\x1b[0m"), "{drawn:?}");
    }
}
