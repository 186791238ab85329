//! Chance that repeats itself: a splitmix generator, so that a seed gives the same case everywhere.

/// A stream of numbers that depends on its seed alone.
#[derive(Debug, Clone)]
pub struct Chance {
    state: u64,
    /// Whether functions, collations and modules may come up that only the file's program has.
    pub strange: bool,
}

impl Chance {
    /// Begins the stream of a case.
    pub fn of(seed: u64, case: u64) -> Self {
        let state = seed ^ case.wrapping_mul(0xD134_2543_DE82_EF95);
        let mut chance = Self { state, strange: false };
        chance.next();
        chance
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below a bound, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// A number from one bound to the other, both included.
    pub fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    /// True in so many cases out of a hundred.
    pub fn percent(&mut self, share: usize) -> bool {
        self.below(100) < share
    }

    /// True in so many cases out of a hundred, where strange things may come up at all.
    pub fn strange(&mut self, share: usize) -> bool {
        self.strange && self.percent(share)
    }

    /// One of several, which are not none.
    pub fn pick<'t, T>(&mut self, several: &'t [T]) -> &'t T {
        &several[self.below(several.len())]
    }

    /// One of several words.
    pub fn word(&mut self, several: &[&'static str]) -> &'static str {
        several[self.below(several.len())]
    }

    /// One of several things, if there are any.
    pub fn some<T: Clone>(&mut self, several: &[T]) -> Option<T> {
        if several.is_empty() { None } else { Some(self.pick(several).clone()) }
    }

    /// A few of several, in their order.
    pub fn few<T: Clone>(&mut self, several: &[T], most: usize) -> Vec<T> {
        let mut left: Vec<T> = several.to_vec();
        while left.len() > most {
            let place = self.below(left.len());
            left.remove(place);
        }
        left
    }

    /// Brings a list into another order.
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for place in (1..list.len()).rev() {
            let other = self.below(place + 1);
            list.swap(place, other);
        }
    }
}
