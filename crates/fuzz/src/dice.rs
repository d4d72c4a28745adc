//! Choices out of bytes: the input is the chance.

/// Bytes that are used up by choosing.
pub(crate) struct Dice<'a> {
    left: &'a [u8],
}

impl<'a> Dice<'a> {
    pub(crate) fn new(left: &'a [u8]) -> Self {
        Self { left }
    }

    /// Whether nothing is left to choose by.
    pub(crate) fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// The next byte; 0 behind the end.
    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, left)) = self.left.split_first() else { return 0 };
        self.left = left;
        *first
    }

    /// From 0 up to, not including, `bound`, which is at most 256.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::from(self.byte()) % bound.max(1)
    }

    /// One of a list; none of an empty one.
    pub(crate) fn pick<T: Clone>(&mut self, list: &[T]) -> Option<T> {
        if list.is_empty() { None } else { list.get(self.below(list.len())).cloned() }
    }

    /// One of some words.
    pub(crate) fn word(&mut self, words: &[&'static str]) -> &'static str {
        self.pick(words).unwrap_or("")
    }

    /// Some of the bytes as they are.
    pub(crate) fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, left) = self.left.split_at(length.min(self.left.len()));
        self.left = left;
        taken
    }

    /// All that is left.
    pub(crate) fn rest(&mut self) -> &'a [u8] {
        core::mem::take(&mut self.left)
    }
}
