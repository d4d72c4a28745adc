//! Aligned columns for people.

/// Rows under a head, each column as wide as its widest cell; the last is not padded.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).chain([head[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut line = String::new();
        for (cell, width) in cells.zip(&widths) {
            line.push_str(&format!("{cell:width$}  "));
        }
        line.trim_end().to_owned()
    };
    let mut lines = vec![line(&mut head.iter().copied())];
    lines.extend(rows.iter().map(|row| line(&mut row.iter().map(String::as_str))));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn columns_are_aligned() {
        let rows = [
            vec!["alice".to_owned(), "ready".to_owned(), "1".to_owned()],
            vec!["Łukasz".to_owned(), "not-ready".to_owned(), String::new()],
        ];
        assert_eq!(
            table(&["ID", "STATE", "CALLS"], &rows),
            "ID      STATE      CALLS\nalice   ready      1\nŁukasz  not-ready"
        );
        assert_eq!(table(&["ID"], &[]), "ID");
    }
}
