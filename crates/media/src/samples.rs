//! The samples of a sound.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::g711::ULAW_TO_PCM;

/// Samples in one channel, shared by all who play them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Samples {
    /// As they are.
    Linear(Arc<[i16]>),
    /// In µ-law (ITU-T G.711), part of the program ([`Bytes::from_static`]): played from where it
    /// lies, so it takes no memory.
    Ulaw(Bytes),
}

impl Samples {
    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Linear(samples) => samples.len(),
            Self::Ulaw(bytes) => bytes.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Copies those from a place on into the front of `out`; returns how many there were.
    pub fn read(&self, from: usize, out: &mut [i16]) -> usize {
        let count = self.len().saturating_sub(from).min(out.len());
        let (to, range) = (&mut out[..count], from..from + count);
        match self {
            _ if count == 0 => {}
            Self::Linear(samples) => to.copy_from_slice(&samples[range]),
            Self::Ulaw(bytes) => {
                for (sample, byte) in to.iter_mut().zip(&bytes[range]) {
                    *sample = ULAW_TO_PCM[usize::from(*byte)];
                }
            }
        }
        count
    }

    /// A copy of them all.
    #[must_use]
    pub fn to_vec(&self) -> Vec<i16> {
        let mut all = vec![0; self.len()];
        self.read(0, &mut all);
        all
    }

    /// Whether somebody else holds the memory they are in.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        match self {
            Self::Linear(samples) => Arc::strong_count(samples) > 1,
            Self::Ulaw(_) => false,
        }
    }
}

impl From<Vec<i16>> for Samples {
    fn from(samples: Vec<i16>) -> Self {
        Self::Linear(samples.into())
    }
}

impl From<&[i16]> for Samples {
    fn from(samples: &[i16]) -> Self {
        Self::Linear(samples.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_read_from_any_place() {
        let linear = Samples::from(vec![1, -2, 3]);
        let ulaw = Samples::Ulaw(Bytes::from_static(&[0xff, 0x80, 0x00]));
        let check = |samples: &Samples, from, expected: &[i16]| {
            let mut out = [9; 4];
            let count = samples.read(from, &mut out);
            assert_eq!(&out[..count], expected, "{samples:?} from {from}");
            assert!(out[count..].iter().all(|rest| *rest == 9));
        };
        check(&linear, 0, &[1, -2, 3]);
        check(&linear, 2, &[3]);
        check(&linear, 3, &[]);
        check(&linear, usize::MAX, &[]);
        check(&ulaw, 0, &[0, 32_124, -32_124]);
        check(&ulaw, 1, &[32_124, -32_124]);
        assert_eq!((linear.to_vec(), ulaw.to_vec()), (vec![1, -2, 3], vec![0, 32_124, -32_124]));
        assert_eq!((linear.len(), ulaw.len(), ulaw.is_empty()), (3, 3, false));
    }

    #[test]
    fn shared_is_what_others_have_too() {
        let linear = Samples::from(vec![1]);
        assert!(!linear.is_shared());
        let other = linear.clone();
        assert!(linear.is_shared() && other.is_shared());
        assert!(!Samples::Ulaw(Bytes::from_static(&[0])).is_shared());
    }
}
