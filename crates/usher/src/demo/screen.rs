//! Where it is shown: a board drawn over itself on a terminal, plain lines anywhere else.

use std::io::{self, ErrorKind, Write as _};

use super::board::{self, Board, Title};
use super::desk::Picture;

/// A terminal that does not say how large it is.
const SIZE: (usize, usize) = (80, 24);

/// See above.
pub(super) struct Screen {
    board: Option<Board>,
    colours: bool,
    /// Why nothing can be written any more.
    fault: Option<io::Error>,
}

impl Screen {
    /// One that draws, or one that prints.
    pub(super) fn new(draws: bool) -> Self {
        let colours = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let mut screen = Self { board: draws.then(Board::default), colours, fault: None };
        if draws {
            // Clear, and hide the cursor.
            screen.write("\x1b[2J\x1b[?25l");
        }
        screen
    }

    /// Whether nothing can be written any more.
    pub(super) fn is_closed(&self) -> bool {
        self.fault.is_some()
    }

    /// Why nothing can be written any more, where it is not that nobody reads.
    pub(super) fn fault(&self) -> Option<&io::Error> {
        self.fault.as_ref().filter(|error| error.kind() != ErrorKind::BrokenPipe)
    }

    /// Whether it draws.
    pub(super) fn draws(&self) -> bool {
        self.board.is_some()
    }

    /// A line among the events.
    pub(super) fn line(&mut self, line: String) {
        match &mut self.board {
            Some(board) => board.add(line),
            None => self.write(&format!("{line}\n")),
        }
    }

    /// Draws the board; elsewhere does nothing.
    pub(super) fn draw(&mut self, title: &Title, picture: &Picture) {
        if let Some(board) = &self.board {
            let drawn = board.draw(title, picture, size(), self.colours);
            self.write(&drawn);
        }
    }

    /// The figures as a table, where no board shows them all the time.
    pub(super) fn table(&mut self, picture: &Picture) {
        if !self.draws() {
            let lines = board::queue_lines(&picture.queues).join("\n");
            self.write(&format!("\n{lines}\n\n"));
        }
    }

    /// Leaves the board as it is, and goes on below it.
    pub(super) fn leave(&mut self) {
        if self.board.take().is_some() {
            self.write("\x1b[?25h");
        }
    }

    fn write(&mut self, text: &str) {
        if self.is_closed() {
            return;
        }
        let mut out = io::stdout().lock();
        self.fault = out.write_all(text.as_bytes()).and_then(|()| out.flush()).err();
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Columns and rows.
fn size() -> (usize, usize) {
    match rustix::termios::tcgetwinsize(io::stdout()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col.into(), size.ws_row.into()),
        _ => SIZE,
    }
}
