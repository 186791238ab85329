//! A set of page numbers: one bit for each page of the file.

use super::pages::{Geometry, Malformed, Read, Stop};

/// The pages that a tree uses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageSet(Vec<u64>);

impl PageSet {
    pub(super) fn new(geometry: Geometry) -> Self {
        Self(vec![0; geometry.pages as usize / 64 + 1])
    }

    /// Adds a page that no tree may use twice.
    pub(super) fn visit(&mut self, page: u32, geometry: Geometry) -> Read<()> {
        let wrong = |what| Err(Stop::Malformed(Malformed { page, what }));
        if !geometry.holds(page) {
            return wrong("a tree points to it, and there is no such page");
        }
        let bit = 1 << (page % 64);
        match self.0.get_mut(page as usize / 64) {
            Some(word) if *word & bit == 0 => {
                *word |= bit;
                Ok(())
            }
            Some(_) => wrong("it is used twice"),
            None => wrong("a tree points to it, and there is no such page"),
        }
    }

    /// Adds the pages of another tree; returns false if both use one.
    pub fn absorb(&mut self, other: &Self) -> bool {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        self.0.iter_mut().zip(&other.0).all(|(word, more)| {
            let apart = *word & more == 0;
            *word |= more;
            apart
        })
    }
}
