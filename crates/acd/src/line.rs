//! An ordered set that knows the rank of its members: the places of a queue.
//!
//! Sorted chunks of bounded size: with 100,000 members an insertion moves at most 8 kB and a rank
//! adds up some hundreds of lengths, both within a microsecond.
use crate::ids::TaskId;

/// Orders tasks: their rank in nanoseconds, then their id.
pub(crate) type Key = (u64, TaskId);

const CHUNK: usize = 512;

#[derive(Debug, Clone, Default)]
pub(crate) struct Line {
    chunks: Vec<Vec<Key>>,
    len: usize,
}

impl Line {
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Key> {
        self.chunks.iter().flatten()
    }

    /// The chunk that has, or would get, `key`.
    fn chunk_of(&self, key: &Key) -> usize {
        let after = self.chunks.partition_point(|chunk| chunk.first().is_some_and(|k| k <= key));
        after.saturating_sub(1)
    }

    /// Inserts and returns the rank from 0; a key that is there already stays.
    pub(crate) fn insert(&mut self, key: Key) -> usize {
        if self.chunks.is_empty() {
            self.chunks.push(Vec::new());
        }
        let at = self.chunk_of(&key);
        let before: usize = self.chunks.iter().take(at).map(Vec::len).sum();
        let Some(chunk) = self.chunks.get_mut(at) else { return before };
        let place = match chunk.binary_search(&key) {
            Ok(place) => return before + place,
            Err(place) => place,
        };
        chunk.insert(place, key);
        self.len += 1;
        if chunk.len() > CHUNK {
            // A queue grows at its end: leave the full half behind, as a B-tree would not.
            let rest = chunk.split_off(if place == CHUNK { CHUNK } else { CHUNK / 2 });
            self.chunks.insert(at + 1, rest);
        }
        before + place
    }

    /// Removes and returns the rank from 0 that the key had.
    pub(crate) fn remove(&mut self, key: &Key) -> Option<usize> {
        let at = self.chunk_of(key);
        let before: usize = self.chunks.iter().take(at).map(Vec::len).sum();
        let chunk = self.chunks.get_mut(at)?;
        let place = chunk.binary_search(key).ok()?;
        chunk.remove(place);
        self.len -= 1;
        if chunk.is_empty() {
            self.chunks.remove(at);
        }
        Some(before + place)
    }

    /// The rank from 0.
    pub(crate) fn rank(&self, key: &Key) -> Option<usize> {
        let at = self.chunk_of(key);
        let before: usize = self.chunks.iter().take(at).map(Vec::len).sum();
        Some(before + self.chunks.get(at)?.binary_search(key).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ranks_are_those_of_a_sorted_set() {
        let (mut line, mut model) = (Line::default(), BTreeSet::new());
        let mut seed = 0x2545_F491_4F6C_DD1D_u64;
        for step in 0..6_000_u64 {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            let key = (seed % 700 + step / 2, TaskId(seed % 3));
            if seed >> 60 < 5 {
                let rank = model.contains(&key).then(|| model.range(..key).count());
                assert_eq!(line.rank(&key), rank);
                model.remove(&key);
                assert_eq!(line.remove(&key), rank);
            } else {
                model.insert(key);
                assert_eq!(line.insert(key), model.range(..key).count());
            }
            assert_eq!(line.len(), model.len());
        }
        assert!(line.chunks.len() > 2);
        assert!(line.iter().eq(model.iter()));
    }
}
