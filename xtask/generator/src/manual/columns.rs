//! How wide a table's columns are in a terminal.

use super::tree::{Inline, plain};

/// What an 80-column terminal shows beside the margin.
const WIDTH: usize = 71;

/// The blanks between two columns.
const GAP: usize = 3;

/// A column's widest cell, and its longest word.
fn widths(column: usize, head: &[Vec<Inline>], rows: &[Vec<Vec<Inline>>]) -> (usize, usize) {
    let (mut whole, mut word) = (0, 0);
    for row in rows.iter().map(Vec::as_slice).chain([head]) {
        let cell = row.get(column).map_or(String::new(), |cell| plain(cell));
        whole = whole.max(cell.chars().count());
        word = cell.split(' ').map(|word| word.chars().count()).fold(word, usize::max);
    }
    (whole, word)
}

/// The room that columns of these widths leave; none if they are too wide.
fn room(widths: &[usize]) -> Option<usize> {
    WIDTH.checked_sub(widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1))
}

/// Whether the table fits without breaking a word.
pub fn fit(head: &[Vec<Inline>], rows: &[Vec<Vec<Inline>>]) -> bool {
    let words: Vec<usize> = (0..head.len()).map(|at| widths(at, head, rows).1).collect();
    room(&words).is_some()
}

/// The widths of the columns that are filled like text: the widest ones, until the table fits.
pub fn filled(head: &[Vec<Inline>], rows: &[Vec<Vec<Inline>>]) -> Vec<Option<usize>> {
    let needs: Vec<(usize, usize)> = (0..head.len()).map(|at| widths(at, head, rows)).collect();
    let mut now: Vec<usize> = needs.iter().map(|need| need.0).collect();
    let mut filled = vec![false; now.len()];
    while room(&now).is_none() {
        match (0..now.len())
            .filter(|at| now[*at] > needs[*at].1)
            .max_by_key(|at| now[*at])
        {
            Some(at) => (now[at], filled[at]) = (needs[at].1, true),
            None => break,
        }
    }
    // The remaining room goes to the columns with the most lines.
    while room(&now).is_some_and(|room| room > 0) {
        let narrow = (0..now.len()).filter(|at| now[*at] < needs[*at].0);
        match narrow.max_by_key(|at| needs[*at].0 * 100 / now[*at].max(1)) {
            Some(at) => now[at] += 1,
            None => break,
        }
    }
    filled
        .iter()
        .zip(now)
        .map(|(filled, width)| filled.then_some(width))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Vec<Vec<Inline>> {
        cells
            .iter()
            .map(|cell| vec![Inline::Text((*cell).to_string())])
            .collect()
    }

    #[test]
    fn only_a_table_that_is_too_wide_is_filled() {
        let head = row(&["a", "b"]);
        assert_eq!(filled(&head, &[row(&["x", "a cell"])]), [None, None]);
        let long = "word ".repeat(30);
        assert_eq!(filled(&head, &[row(&["x", &long])]), [None, Some(WIDTH - GAP - 1)]);
    }

    #[test]
    fn words_that_are_too_long_together_dont_fit() {
        let head = row(&["a", "b"]);
        let word = |length| "w".repeat(length);
        assert!(fit(&head, &[row(&[&word(34), &word(34)])]));
        assert!(!fit(&head, &[row(&[&word(34), &word(35)])]));
    }
}
