//! The graph of the phases by position: who stands on whom, and in which order they go.
//!
//! Knows numbers only; the chain knows which phase each number is.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A set of positions.
pub(super) type Marks = Vec<bool>;

/// Which phases stand on which, by parents and by dependencies.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Graph {
    parents: Vec<Vec<usize>>,
    depends_on: Vec<Vec<usize>>,
    children: Vec<Vec<usize>>,
    dependents: Vec<Vec<usize>>,
}

impl Graph {
    /// Makes the graph of the parents and the dependencies of each position.
    pub(super) fn new(parents: Vec<Vec<usize>>, depends_on: Vec<Vec<usize>>) -> Self {
        let children = inverse(&parents);
        let dependents = inverse(&depends_on);
        Self { parents, depends_on, children, dependents }
    }

    /// Returns how many positions there are.
    pub(super) fn len(&self) -> usize {
        self.parents.len()
    }

    pub(super) fn parents(&self, position: usize) -> &[usize] {
        &self.parents[position]
    }

    pub(super) fn depends_on(&self, position: usize) -> &[usize] {
        &self.depends_on[position]
    }

    pub(super) fn children(&self, position: usize) -> &[usize] {
        &self.children[position]
    }

    /// Returns what must be applied just before, parents first.
    pub(super) fn before(&self, position: usize) -> impl Iterator<Item = usize> + '_ {
        self.parents[position].iter().chain(&self.depends_on[position]).copied()
    }

    /// Returns what needs this position just before it, children first.
    pub(super) fn after(&self, position: usize) -> impl Iterator<Item = usize> + '_ {
        self.children[position].iter().chain(&self.dependents[position]).copied()
    }

    /// Marks the starts and everything before them.
    pub(super) fn with_ancestors(&self, starts: impl IntoIterator<Item = usize>) -> Marks {
        self.reach(starts, |position, next| next.extend(self.before(position)))
    }

    /// Marks the starts and everything after them.
    pub(super) fn with_descendants(&self, starts: impl IntoIterator<Item = usize>) -> Marks {
        self.reach(starts, |position, next| next.extend(self.after(position)))
    }

    /// Marks the starts and everything before them by parents alone.
    fn with_forefathers(&self, starts: impl IntoIterator<Item = usize>) -> Marks {
        self.reach(starts, |position, next| next.extend(self.parents(position)))
    }

    /// Marks the starts and everything after them by parents alone.
    pub(super) fn with_offspring(&self, starts: impl IntoIterator<Item = usize>) -> Marks {
        self.reach(starts, |position, next| next.extend(self.children(position)))
    }

    fn reach(
        &self,
        starts: impl IntoIterator<Item = usize>,
        step: impl Fn(usize, &mut Vec<usize>),
    ) -> Marks {
        let mut marks = vec![false; self.len()];
        let mut next: Vec<usize> = starts.into_iter().collect();
        while let Some(position) = next.pop() {
            if !std::mem::replace(&mut marks[position], true) {
                step(position, &mut next);
            }
        }
        marks
    }

    /// Orders the positions so that each comes after what is before it; of those that may come
    /// next, the lowest does.
    ///
    /// # Errors
    /// The positions of a cycle, each before the next and the last before the first.
    pub(super) fn order(&self) -> Result<Vec<usize>, Vec<usize>> {
        let mut waiting: Vec<usize> = (0..self.len()).map(|at| self.before(at).count()).collect();
        let mut ready: BinaryHeap<Reverse<usize>> =
            (0..self.len()).filter(|at| waiting[*at] == 0).map(Reverse).collect();
        let mut order = Vec::with_capacity(self.len());
        while let Some(Reverse(position)) = ready.pop() {
            order.push(position);
            for next in self.after(position) {
                waiting[next] -= 1;
                if waiting[next] == 0 {
                    ready.push(Reverse(next));
                }
            }
        }
        match waiting.iter().position(|count| *count > 0) {
            None => Ok(order),
            Some(stuck) => Err(self.cycle(stuck, &waiting)),
        }
    }

    /// Finds a cycle behind a position that waits for others which wait.
    fn cycle(&self, stuck: usize, waiting: &[usize]) -> Vec<usize> {
        let mut trail = vec![stuck];
        loop {
            let last = trail[trail.len() - 1];
            let Some(before) = self.before(last).find(|before| waiting[*before] > 0) else {
                return trail;
            };
            if let Some(start) = trail.iter().position(|seen| *seen == before) {
                let mut cycle = trail.split_off(start);
                cycle.reverse();
                let lowest = cycle.iter().enumerate().min_by_key(|(_, position)| **position);
                let turn = lowest.map_or(0, |(index, _)| index);
                cycle.rotate_left(turn);
                return cycle;
            }
            trail.push(before);
        }
    }

    /// Returns the same graph with the positions in the order given.
    pub(super) fn reordered(&self, order: &[usize]) -> Self {
        let mut place = vec![0; order.len()];
        for (new, old) in order.iter().enumerate() {
            place[*old] = new;
        }
        let moved = |edges: &[Vec<usize>]| {
            order.iter().map(|old| edges[*old].iter().map(|at| place[*at]).collect()).collect()
        };
        Self::new(moved(&self.parents), moved(&self.depends_on))
    }

    /// Drops the parents that are ancestors of another parent; returns the new graph and what was
    /// dropped from each position.
    pub(super) fn without_redundant_parents(&self) -> (Self, Vec<(usize, Vec<usize>)>) {
        let mut dropped = Vec::new();
        let mut parents = self.parents.clone();
        for (position, own) in parents.iter_mut().enumerate().filter(|(_, own)| own.len() > 1) {
            let above = self.with_forefathers(own.iter().flat_map(|at| self.parents(*at)).copied());
            let redundant: Vec<usize> = own.iter().copied().filter(|at| above[*at]).collect();
            if !redundant.is_empty() {
                own.retain(|at| !above[*at]);
                dropped.push((position, redundant));
            }
        }
        (Self::new(parents, self.depends_on.clone()), dropped)
    }
}

fn inverse(edges: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let mut inverse = vec![Vec::new(); edges.len()];
    for (position, targets) in edges.iter().enumerate() {
        for target in targets {
            inverse[*target].push(position);
        }
    }
    inverse
}

/// Returns the marked positions in rising order.
pub(super) fn marked(marks: &[bool]) -> impl DoubleEndedIterator<Item = usize> + '_ {
    marks.iter().enumerate().filter(|(_, mark)| **mark).map(|(position, _)| position)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(parents: &[&[usize]]) -> Graph {
        let parents: Vec<Vec<usize>> = parents.iter().map(|own| own.to_vec()).collect();
        let none = vec![Vec::new(); parents.len()];
        Graph::new(parents, none)
    }

    #[test]
    fn the_order_takes_the_lowest_of_those_that_may_come_next() {
        assert_eq!(graph(&[&[2], &[], &[1], &[1]]).order(), Ok(vec![1, 2, 0, 3]));
        assert_eq!(graph(&[]).order(), Ok(vec![]));
    }

    #[test]
    fn a_cycle_is_told_from_its_lowest_member_on() {
        assert_eq!(graph(&[&[], &[3], &[1], &[2], &[3]]).order(), Err(vec![1, 2, 3]));
        assert_eq!(graph(&[&[0]]).order(), Err(vec![0]));
    }

    #[test]
    fn dependencies_order_and_close_cycles_too() {
        let graph = Graph::new(vec![vec![], vec![0]], vec![vec![1], vec![]]);
        assert_eq!(graph.order(), Err(vec![0, 1]));
    }

    #[test]
    fn only_ancestors_of_another_parent_are_redundant() {
        let (reduced, dropped) =
            graph(&[&[], &[0], &[1], &[0], &[0, 1, 2, 3]]).without_redundant_parents();
        assert_eq!(dropped, [(4, vec![0, 1])]);
        assert_eq!(reduced.parents(4), [2, 3]);
        assert_eq!(reduced.children(0), [1, 3]);
    }
}
